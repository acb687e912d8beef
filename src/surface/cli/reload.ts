/** New settings for the running daemon: taken whole, or refused whole. */
import type { Trap } from '../../daemon/run.ts'
import type { World } from '../../daemon/world.ts'
import type { Settings } from '../../settings/settings.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { statusOf } from './supervisor.ts'
import type { Call } from './verb.ts'

/** One reload after the other; rejects with what is wrong, which is in the log, too. */
export function reloader(call: Call, { log, now }: World, trap: Trap): (by: string) => Promise<void> {
  const { supervisor } = call.system
  let last: Promise<unknown> = Promise.resolve()
  return by => {
    const reload = last.then(async () => {
      supervisor.reloading()
      try {
        const next = await call.readSettings(true)
        if (next.log !== trap.settings.log) throw otherLog()
        await trap.reload(next)
        tellRemarks(log, next)
        log.info(`new settings are in force (${by})`)
        trap.tellAuto()
      } catch (error) {
        log.error(`new settings are refused (${by}), the old ones stay: ${String(error)}`)
        throw error
      } finally {
        supervisor.ready(statusOf(trap.flies.count(now())))
      }
    })
    last = reload.catch(() => {})
    return reload
  }
}

/** What a person should know of the files of settings that are taken. */
export function tellRemarks(log: World['log'], { origin }: Settings): void {
  for (const remark of origin?.remarks ?? []) log.warn(`settings: ${remark}`)
}

function otherLog(): Failure {
  return new Failure(
    'the settings change log, which a running daemon cannot do; a restart can, and the trap stays armed',
    { exit: EXIT.settings },
  )
}

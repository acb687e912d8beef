/** Who comes under a name of the settings is let go, where anybody can have locked him out in his name. */
import type { Grade } from '../judge/verdict.ts'
import { namesOf } from '../lockout/flies.ts'
import { type Address, familyOf, prefixAround } from '../terms/address.ts'
import type { Fly } from '../terms/fly.ts'
import type { Daemon } from './daemon.ts'
import { freeOnce } from './orders.ts'

/** Flies of one name that the history is asked for, and that are let go, within an hour at most: who moves a name about frees no more. */
export const NAME_FREES_MAX = 4
const HOUR_SECONDS = 3600

/** Nobody's own deed: it brought no known host to it, and no person wanted it. */
const LET_GO: ReadonlySet<Grade> = new Set(['forgeable', 'testimony'])

export function freeNamed(daemon: Daemon, name: string, hosts: readonly Address[]): void {
  free(daemon, name, hosts).catch(error => {
    if (!daemon.ended.aborted)
      daemon.alarms.background(`whoever is known as ${name} is not freed: ${String(error)}`)
  })
}

async function free(daemon: Daemon, name: string, hosts: readonly Address[]): Promise<void> {
  const { state, world, ended } = daemon
  const { flies, named } = state
  for (const host of hosts) {
    const names = namesOf(prefixAround(host, familyOf(host) === 4 ? 32 : 128))
    const stuck = names.filter(fly => flies.get(fly, world.now()) !== undefined)
    for (const fly of stuck) {
      const since = world.clock() - HOUR_SECONDS
      const lately = (named.freed.get(name) ?? []).filter(at => at > since)
      if (lately.length >= NAME_FREES_MAX) {
        daemon.alarms.named(
          `names: ${fly} is now ${name} and stays locked out: within an hour a name lets ${NAME_FREES_MAX} go at most. To free it: flypaperd free ${fly}`,
        )
        continue
      }
      // Also whom it does not let go: the history may be long.
      named.freed.set(name, [...lately, world.clock()])
      const isForgeable = await isLetGo(daemon, fly)
      if (ended.aborted || named.names.get(name)?.hosts.includes(host) !== true) return
      if (!isForgeable) continue
      freeOnce(daemon, { input: 'free-these', sources: [fly], by: `the name ${name}` })
    }
  }
}

/** By the lockout that is in force. */
async function isLetGo({ world, ended }: Daemon, fly: Fly): Promise<boolean> {
  let before: number | undefined
  do {
    const { rows, next } = await world.reading.storyPage([fly], world.now(), before)
    const row = rows.find(({ source, released }) => source === fly && released === undefined)
    if (row !== undefined) return row.by === undefined && LET_GO.has(row.grade)
    before = next
  } while (before !== undefined && !ended.aborted)
  return false
}

/**
 * `flypaperd outside`: a process of its own, with neither root nor a capability, for what needs the internet. It reads from the daemon, and tells it
 * which hosts the names of the settings have.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../settings/settings.ts'
import { Failure } from '../terms/failure.ts'
import { openNames } from './names.ts'
import { testMessage } from './notify/message.ts'
import { type Notifications, openNotify } from './notify/notify.ts'
import { waysOf } from './notify/ways.ts'
import type { World } from './world.ts'

/** How often the daemon is looked at. */
const LOOK_MS = 30_000
const STEP_MS = 1000
const LOGINS_MS = 300_000
/** After the feed has ended, until it is asked for again. */
const AGAIN_MS = 5000
/** What is on its way when this is to end, is waited for so long. */
const END_MS = 10_000

/** Runs until the signal is given. */
export async function runOutside(world: World, settings: Settings, end: AbortSignal): Promise<void> {
  const { names } = settings
  using _ = openNames({ ...world, names, tell: world.daemon.tellNames })
  const notify = openNotify(world, settings)
  notify.readLogins()
  let stepping: Promise<void> = Promise.resolve()
  const timers = [
    every(LOOK_MS, () => notify.look()),
    // Not waited for: one way that hangs keeps no other from being tried.
    every(STEP_MS, async () => {
      stepping = notify.step()
    }),
    every(LOGINS_MS, async () => notify.readLogins()),
  ]
  const ways = waysOf(settings.notify, world.carriers).map(({ name }) => name)
  if (ways.length > 0) world.log.info(`notifications by ${ways.join(', ')}`)
  if (names.length > 0) world.log.info(`names that are looked up: ${names.join(', ')}`)
  // Where nobody is to be told, what happens is not asked for.
  if (ways.length > 0) await follow(world, notify, end)
  else if (!end.aborted) await once(end, 'abort')
  for (const timer of timers) timer[Symbol.dispose]()
  await Promise.race([stepping, sleep(END_MS, undefined, { ref: false })])
  notify.save()
}

async function follow({ daemon, log }: World, notify: Notifications, end: AbortSignal): Promise<void> {
  let told: string | undefined
  while (!end.aborted) {
    try {
      for await (const line of daemon.events({ after: notify.after(), signal: end })) {
        notify.event(line)
        told = undefined
      }
    } catch (error) {
      const problem = error instanceof Failure ? error.message : String(error)
      if (!end.aborted && problem !== told) log.warn(`events cannot be followed: ${problem}`)
      told = problem
    }
    await sleep(AGAIN_MS, undefined, { signal: end }).catch(() => {})
  }
}

/** Now, and again so long after each; one that takes longer is waited for. */
function every(ms: number, act: () => Promise<void>): Disposable {
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  const run = async () => {
    await act()
    if (!isOver) timer = setTimeout(run, ms)
  }
  void run()
  return {
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

export interface Tested {
  readonly way: string
  readonly error?: string
}

/** Sends a test by each way, now; none of them rejects. */
export async function testWays(world: World, { notify }: Settings): Promise<readonly Tested[]> {
  const message = testMessage(world.host, world.now())
  return await Promise.all(
    waysOf(notify, world.carriers).map(async ({ name, deliver }) => {
      try {
        await deliver(message)
        return { way: name }
      } catch (error) {
        return { way: name, error: error instanceof Error ? error.message : String(error) }
      }
    }),
  )
}

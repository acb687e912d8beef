/** Runs the daemon in the foreground: start, restart and try are this with a word more or less. */
import { resolve } from 'node:path'
import { disarmTrap } from '../../daemon/arming.ts'
import { openTrap, type Trap } from '../../daemon/run.ts'
import type { World } from '../../daemon/world.ts'
import type { LogTo } from '../../settings/settings.ts'
import { DEFAULT_FILE } from '../../settings/sources.ts'
import { EXIT, type ExitStatus } from '../../terms/failure.ts'
import { controlOf, type End, type Origin } from '../control/daemon.ts'
import { serveControl, serveMetrics } from '../control/server.ts'
import { pacedLooks } from './paced-looks.ts'
import { reloader, tellRemarks } from './reload.ts'
import { predecessor, succeed } from './succession.ts'
import { report } from './supervisor.ts'
import { startTrial } from './trial.ts'
import type { Call } from './verb.ts'

export interface Manner {
  /** Take over from a running daemon, instead of refusing to run beside it. */
  readonly handOver: boolean
  /** Only say what would be done, whatever the settings say. */
  readonly dryRun?: boolean
  /** Where the log goes, whatever the settings say. */
  readonly log?: LogTo | undefined
  /** Seconds after which the trap goes again, unless it is confirmed. */
  readonly tryFor?: number
}

/** How often this machine is looked at again: served ports, resolvers. */
const REFRESH_MS = 60_000
/** The garbage of the start is collected when whoever waits for it is served. */
const AFTER_START_MS = 100
export async function runDaemon(call: Call, manner: Manner): Promise<ExitStatus> {
  const { system } = call
  const [read] = await Promise.all([call.readSettings(false), system.surroundings.rereadResolvers()])
  const settings = { ...read, ...(manner.dryRun && { dryRun: true }) }
  const running = await predecessor(system, manner.handOver)
  const logTo = manner.log ?? settings.log
  // Who reads JSON may read both streams.
  const print = logTo === 'json' ? () => {} : call.print
  print('Starting portscan protection: flypaperd.')
  await succeed(system, running, settings)

  using world = system.openWorld({ dryRun: settings.dryRun, log: logTo })
  const { log, events, now } = world
  if (log.where !== undefined) print(`The log goes to ${log.where}.`)
  const end = Promise.withResolvers<End>()
  const ended = Promise.withResolvers<void>()
  ended.promise.catch(() => {}) // A signal waits for nothing.
  using signals = onSignals(call, end.resolve)
  using trap = openTrap(world, settings)
  const reload = reloader(call, world, trap)
  signals.onHangup(() => reload('SIGHUP').catch(() => {})) // It is in the log.
  using trial = startTrial(manner.tryFor, world, trap, () => end.resolve('disarm'))
  const finish = (how: End) => {
    end.resolve(how)
    return ended.promise
  }
  const { pid, version, socket, unixSockets } = system
  const control = controlOf({ pid, version, origin: originOf(call), world, trap, trial, reload, finish })
  await using _server = await serveControl(socket, control, unixSockets, log).catch(error => {
    disarmTrap(world.firewall, world.history, now())
    throw error
  })
  await using _metrics = await serveMetrics(system.metricsSocket, control, unixSockets, log.warn)
  events.tell({ event: 'armed', capture: trap.capture.kind, flies: trap.flies.count(now()) })
  trap.tellAuto()
  tellRemarks(log, settings)
  if (settings.dryRun) log.info('this is a dry run: nobody is held, locked out or answered differently')
  if (trap.pausedUntil !== undefined) log.info(`paused until ${new Date(trap.pausedUntil).toISOString()}`)
  if (trap.grace > 0) log.info(`nobody is judged for ${trap.grace} s, since this machine has just booted`)
  using _refresh = keepFresh(call, world, trap)
  using _report = report(system.supervisor, () => trap.flies.count(now()))

  const how = await end.promise
  system.supervisor.stopping()
  trap[Symbol.dispose]()
  try {
    if (how === 'retire') world.stateFile.remove()
    if (how !== 'leave') {
      disarmTrap(world.firewall, world.history, now())
      events.tell({ event: 'disarmed', flies: world.history.count(now()) })
    } else log.info('leaving: the trap stays armed')
  } catch (error) {
    ended.reject(error) // Whoever said stop hears why not.
    throw error
  }
  ended.resolve()
  return EXIT.ok
}

/** What the status tells of where this daemon came from. */
function originOf({ system: { unit, state }, options }: Call): Origin {
  return { unit, state, settingsFile: resolve(String(options.settings ?? DEFAULT_FILE)) }
}

/** npm passes a Ctrl-C on that the terminal has sent already: what comes this soon is the same one. */
const SAME_SIGNAL_MS = 500

function onSignals({ system }: Call, end: (how: End) => void) {
  let first: number | undefined
  let hangup = () => {}
  const handling = system.onSignal(['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP'], signal => {
    if (signal === 'SIGHUP') return hangup()
    const now = system.now()
    if (first !== undefined && now - first > SAME_SIGNAL_MS) process.exit(EXIT.no)
    first ??= now
    end(signal === 'SIGUSR2' ? 'leave' : signal === 'SIGINT' ? 'retire' : 'disarm')
  })
  return {
    onHangup(act: () => void) {
      hangup = act
    },
    [Symbol.dispose]: () => handling[Symbol.dispose](),
  }
}

/** A look at this machine that fails costs one look; the trap stays as it was. */
function keepFresh({ system }: Call, { log, surroundings }: World, trap: Trap): Disposable {
  let isOver = false
  const attempt = async (work: () => unknown) => {
    try {
      await work()
    } catch (error) {
      if (!isOver) log.error(`cannot bring the trap up to date: ${String(error)}`)
    }
  }
  const giveBack = system.givingBack(() => trap.capture.counts().packets)
  void trap.settled().then(() => setTimeout(() => void attempt(giveBack), AFTER_START_MS).unref())
  const looks = pacedLooks({
    read: () => attempt(surroundings.reread),
    // Not while it is read, which is paced by how long it takes: a disk that hangs shall not make looks rare.
    act: () =>
      attempt(async () => {
        await surroundings.rereadResolvers()
        if (!isOver) trap.refresh()
      }),
  })
  const timer = setInterval(() => {
    looks.now()
    void attempt(giveBack)
  }, REFRESH_MS)
  const routes = system.watchRoutes(looks.soon, error =>
    log.error(`changes of addresses and routes are seen once a minute only: ${String(error)}`),
  )
  return {
    [Symbol.dispose]() {
      isOver = true
      clearInterval(timer)
      looks[Symbol.dispose]()
      routes[Symbol.dispose]()
    },
  }
}

/** Runs the daemon in the foreground: start, restart and try are this with a word more or less. */

import { checkArming } from '../../arm/arm.ts'
import { disarmTrap } from '../../daemon/arming.ts'
import { plan } from '../../daemon/policy.ts'
import { openTrap, type Trap } from '../../daemon/run.ts'
import type { World } from '../../daemon/world.ts'
import type { LogTo, Settings } from '../../settings/settings.ts'
import { EXIT, type ExitStatus, Failure } from '../../terms/failure.ts'
import { reachDaemon } from '../control/client.ts'
import { controlOf, type End } from '../control/daemon.ts'
import type { Control } from '../control/protocol.ts'
import { serveControl, serveMetrics } from '../control/server.ts'
import { reloader } from './reload.ts'
import { report } from './supervisor.ts'
import type { System } from './system.ts'
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
/** Several changes of routes come at once, when an interface comes or goes. */
const SETTLE_MS = 200

export async function runDaemon(call: Call, manner: Manner): Promise<ExitStatus> {
  const settings = { ...call.settings(), ...(manner.dryRun && { dryRun: true }) }
  const { system } = call
  const running = await reachDaemon(system.socket)
  if (running !== undefined && !manner.handOver) await refuseSecond(running)
  const logTo = manner.log ?? settings.log
  // Who reads JSON may read both streams.
  const print = logTo === 'json' ? () => {} : call.print
  print('Starting portscan protection: flypaperd.')
  if (running !== undefined) {
    checkSettings(system, settings)
    await takeOver(running, system)
  }

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
  const control = controlOf({ pid, version, world, trap, trial, reload, finish })
  await using _server = await serveControl(socket, control, unixSockets).catch(error => {
    disarmTrap(world.firewall, world.history, now())
    throw error
  })
  await using _metrics = await serveMetrics(system.metricsSocket, control, unixSockets)
  events.tell({ event: 'armed', capture: trap.capture.kind, flies: trap.flies.count(now()) })
  trap.tellAuto()
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

async function refuseSecond(running: Control): Promise<never> {
  const { pid } = await running.status()
  throw new Failure(`flypaperd is running already (pid ${pid})`, {
    exit: EXIT.unavailable,
    hint: 'To take over from it without disarming: flypaperd restart. To end it: flypaperd stop.',
  })
}

/** The running daemon is not ended for settings that this machine would refuse. */
function checkSettings({ openFirewall, lookAtFirewall, surroundings }: System, settings: Settings): void {
  using firewall = openFirewall()
  const policy = plan(settings, { lookAtFirewall, surroundings, supports: firewall.supports })
  checkArming({ firewall, ...policy })
}

async function takeOver(running: Control, { socket, user }: Call['system']): Promise<void> {
  const { pid } = await running.status()
  await running.leave(user)
  for (let patience = 100; patience > 0; patience--) {
    if ((await reachDaemon(socket)) === undefined) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Failure(`the running flypaperd (pid ${pid}) does not end`, { exit: EXIT.unavailable })
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
function keepFresh({ system }: Call, { log }: World, trap: Trap): Disposable {
  const attempt = (work: () => void) => {
    try {
      work()
    } catch (error) {
      log.error(`cannot bring the trap up to date: ${String(error)}`)
    }
  }
  const giveBack = system.givingBack(() => trap.capture.counts().packets)
  void trap.settled().then(() => setTimeout(attempt, AFTER_START_MS, giveBack).unref())
  const timer = setInterval(() => {
    attempt(trap.refresh)
    attempt(giveBack)
  }, REFRESH_MS)
  let settling: NodeJS.Timeout | undefined
  const routes = system.watchRoutes(
    () => {
      settling ??= setTimeout(() => {
        settling = undefined
        attempt(trap.refresh)
      }, SETTLE_MS)
    },
    error => log.error(`changes of addresses and routes are seen once a minute only: ${String(error)}`),
  )
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      clearTimeout(settling)
      routes[Symbol.dispose]()
    },
  }
}

/** Runs the daemon in the foreground: start, restart and try are this with a word more or less. */
import { disarmTrap, openTrap, type Trap, type World } from '../../flypaperd.ts'
import { sentence } from '../../record/sentence.ts'
import { closedMode, type Settings } from '../../settings/settings.ts'
import { EXIT, type ExitStatus, Failure } from '../../terms/failure.ts'
import { prefixOf } from '../../terms/fly.ts'
import { reachDaemon } from '../control/client.ts'
import type { Control } from '../control/protocol.ts'
import { serveControl } from '../control/server.ts'
import { prefixesOf } from './reach.ts'
import type { Call } from './verb.ts'

export interface Manner {
  /** Take over from a running daemon, instead of refusing to run beside it. */
  readonly handOver: boolean
  /** Seconds after which the trap goes again, unless it is confirmed. */
  readonly tryFor?: number
}

/** How the daemon ends: the trap goes with it, or stays armed for the next one. */
type End = 'disarm' | 'leave'

/** How often this machine is looked at again: served ports, resolvers. */
const REFRESH_MS = 60_000
/** Several changes of routes come at once, when an interface comes or goes. */
const SETTLE_MS = 200

export async function runDaemon(call: Call, manner: Manner): Promise<ExitStatus> {
  const settings = call.settings()
  const { system } = call
  const running = await reachDaemon(system.socket)
  if (running !== undefined && !manner.handOver) await refuseSecond(running)
  call.print('Starting portscan protection: flypaperd.')
  if (running !== undefined) await takeOver(running, system.socket)

  using world = system.openWorld()
  const end = Promise.withResolvers<End>()
  const ended = Promise.withResolvers<void>()
  using trap = openTrap(world, settings)
  const { log } = world
  log.info(sentence({ event: 'armed', capture: trap.capture.kind, flies: trap.flypaper.count(system.now()) }))
  if (trap.grace > 0) log.info(`nobody is judged for ${trap.grace} s, since this machine has just booted`)
  using trial = startTrial(manner.tryFor, world, trap, () => end.resolve('disarm'))
  const control = controlOf(call, settings, world, trap, trial, how => {
    end.resolve(how)
    return ended.promise
  })
  await using _server = await serveControl(system.socket, control)
  using _signals = onSignals(call, world, end.resolve)
  using _refresh = keepFresh(call, world, trap)

  const how = await end.promise
  trap[Symbol.dispose]()
  if (how === 'disarm') {
    disarmTrap(world.firewall, world.history, system.now())
    log.info(sentence({ event: 'disarmed', flies: world.history.count(system.now()) }))
  } else log.info('leaving: the trap stays armed')
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

async function takeOver(running: Control, socket: string): Promise<void> {
  const { pid } = await running.status()
  await running.leave()
  for (let patience = 100; patience > 0; patience--) {
    if ((await reachDaemon(socket)) === undefined) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Failure(`the running flypaperd (pid ${pid}) does not end`, { exit: EXIT.unavailable })
}

interface Trial extends Disposable {
  readonly until: number | undefined
  confirm(): void
}

function startTrial(seconds: number | undefined, world: World, trap: Trap, giveUp: () => void): Trial {
  if (seconds === undefined) return { until: undefined, confirm() {}, [Symbol.dispose]() {} }
  const { log, now } = world
  const before = new Set(trap.flypaper.timed(now()).map(({ fly }) => fly))
  const timer = setTimeout(() => {
    log.warn('nobody has confirmed the trial: disarming, and freeing whom it locked out')
    const caught = trap.flypaper.timed(now()).filter(({ fly }) => !before.has(fly))
    trap.flypaper.free(
      caught.map(({ fly }) => prefixOf(fly)),
      'the end of the trial',
      now(),
    )
    giveUp()
  }, seconds * 1000)
  log.info(`this is a trial for ${seconds} s: keep the trap with \`flypaperd confirm\``)
  let until: number | undefined = now() + seconds * 1000
  return {
    get until() {
      return until
    },
    confirm() {
      clearTimeout(timer)
      if (until !== undefined) log.info('the trial is confirmed: the trap stays armed')
      until = undefined
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

function controlOf(
  { system }: Call,
  settings: Settings,
  { log }: World,
  trap: Trap,
  trial: Trial,
  finish: (how: End) => Promise<void>,
): Control {
  const since = system.now()
  return {
    async status() {
      const { lockouts, spared, capture } = trap.counts()
      const { packets, overruns, lost } = capture
      return {
        pid: system.pid,
        version: system.version,
        since,
        capture: trap.capture.kind,
        closed: closedMode(settings),
        ...(trial.until === undefined ? {} : { tryUntil: trial.until }),
        counts: { lockouts, spared, packets, overruns, lost },
      }
    },
    async free(who, by) {
      const { flies, held } = trap.flypaper.free(prefixesOf(who), by, system.now())
      for (const source of flies) log.info(sentence({ event: 'free', source, by }))
      return { flies: [...flies], held: [...held] }
    },
    async flush(by) {
      const flies = trap.flypaper.flush(by, system.now())
      log.info(sentence({ event: 'flush', flies, by }))
      return flies
    },
    stop: () => finish('disarm'),
    leave: () => finish('leave'),
    async confirm() {
      trial.confirm()
    },
  }
}

/** npm passes a Ctrl-C on that the terminal has sent already: what comes this soon is the same one. */
const SAME_SIGNAL_MS = 500

function onSignals({ system }: Call, { log }: World, end: (how: End) => void): Disposable {
  let first: number | undefined
  return system.onSignal(['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP'], signal => {
    if (signal === 'SIGHUP') return log.info('SIGHUP: new settings are taken by `flypaperd restart`')
    const now = system.now()
    if (first !== undefined && now - first > SAME_SIGNAL_MS) process.exit(EXIT.no)
    first ??= now
    end(signal === 'SIGUSR2' ? 'leave' : 'disarm')
  })
}

/** A look at this machine that fails costs one look; the trap stays as it was. */
function keepFresh({ system }: Call, { log }: World, trap: Trap): Disposable {
  const refresh = () => {
    try {
      trap.refresh()
    } catch (error) {
      log.error(`cannot bring the trap up to date: ${String(error)}`)
    }
  }
  const timer = setInterval(refresh, REFRESH_MS)
  let settling: NodeJS.Timeout | undefined
  const routes = system.watchRoutes(
    () => {
      settling ??= setTimeout(() => {
        settling = undefined
        refresh()
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

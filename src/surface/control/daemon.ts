/** The running daemon as the control socket sees it. */

import type { TableView } from '../../arm/firewall.ts'
import type { Trap } from '../../daemon/run.ts'
import type { World } from '../../daemon/world.ts'
import type { Wish } from '../../lockout/decide/lock.ts'
import { namesOf } from '../../lockout/flies.ts'
import { tasksOf } from '../../settings/outside.ts'
import { neverFacts } from '../../settings/settings.ts'
import type { Seconds } from '../../terms/duration.ts'
import { cachedText } from '../metrics/cached.ts'
import { kernelFill } from '../metrics/fill.ts'
import { metricsOf } from '../metrics/metrics.ts'
import { metricsText } from '../metrics/text.ts'
import { reachableOf } from '../reachable.ts'
import { statusLines } from '../status-lines.ts'
import { freeWhom, prefixesOf } from './freeing.ts'
import { openNever } from './never.ts'
import { openPast } from './past.ts'
import type { FreeRequest, Served } from './protocol.ts'

/**
 * How the daemon ends: the trap goes with it, or stays armed for the next one. When a person wanted it to go (`retire`), the
 * state file goes, too; a shutdown leaves it for the next boot.
 */
export type End = 'retire' | 'disarm' | 'leave'

/** Who started the daemon, and from where it reads. */
export interface Origin {
  readonly unit?: string | undefined
  readonly state: string
  /** Where the settings are looked for first. */
  readonly settingsFile: string
}

export interface Running {
  readonly pid: number
  readonly version: string
  /** What else the status says of the process, not of the trap. */
  readonly origin: Origin
  readonly world: World
  readonly trap: Trap
  readonly trial: { readonly until: number | undefined; confirm(by: string): void }
  /** Takes the settings of now, for whoever asks for it. */
  reload(by: string): Promise<void>
  /** Ends the daemon; resolves when it has done so, but for answering. */
  finish(how: End): Promise<void>
}

export function controlOf(running: Running): Served {
  const { world, trap, trial, reload, finish } = running
  const { history, events, log, now, clock } = world
  const since = now()
  const filled = kernelFill(world.kernelSets, clock)
  const about = () => ({
    version: running.version,
    since,
    capture: trap.capture.kind,
    closed: trap.settings.closed,
  })
  const status = (table?: TableView) => ({
    pid: running.pid,
    ...running.origin,
    ...about(),
    ...standingOf(running, table),
  })
  const supports = oncePerKernel(world)
  const linesOf = (table: TableView | undefined) =>
    statusLines({
      settings: trap.settings,
      table,
      fault: trap.fault(),
      ...supports(),
      flies: trap.flies.count(now()),
      forwards: world.surroundings.forwards(),
      hasUplink: world.surroundings.uplinks().length > 0,
      daemon: status(table),
    })
  const past = openPast({
    reading: world.reading,
    firewall: world.firewall,
    now,
    settings: () => trap.settings,
    reachable: () => reachableOf(trap.settings, world.surroundings.doors),
    names: trap.named,
    counts: () => trap.counts().capture,
  })
  const freeing = {
    free: trap.free,
    freeThese: trap.freeThese,
    nets: () => trap.flies.nets(now()),
    history,
    now,
  }
  const free = (request: FreeRequest) => freeWhom(freeing, request)
  return {
    ...past,
    watch: events.watch,
    feed: {
      page: (after, spared) => world.reading.feedPage({ after, spared, dryRun: trap.settings.dryRun }, now()),
      onNews: history.onWritten,
    },
    metrics: cachedText(async () => {
      const fill = { ...(await filled()), ...trap.flies.fill(now()) }
      const table = world.firewall.look()
      const [counts, { sizes, dryRun }] = [trap.counts(table), trap.settings]
      const { pausedUntil } = trap
      const status = { ...about(), dryRun, pausedUntil, tryUntil: trial.until }
      const standing = history.standing()
      const historyBytes = history.bytes()
      const told = { historyBytes, history: standing, logLost: log.lost() }
      const neverFilesHang = trap.neverFilesHangSince !== undefined
      const lines = linesOf(table)
      return metricsText(metricsOf({ status, lines, counts, fill, sizes, ...told, neverFilesHang }))
    }, clock),
    status: async () => status(),
    health: async () => linesOf(world.firewall.look()),
    async lock({ lockouts, because: note, force = false, exact = false, by }) {
      const prefixes = prefixesOf(lockouts.map(({ who }) => who))
      const wishes = lockouts.map(({ seconds }, i) => ({
        prefix: prefixes[i]!,
        length: seconds as Wish['length'],
      }))
      const { locked, kept, refused } = trap.lock(wishes, { by, note, force, exact })
      return { locked: [...locked], kept: [...kept], refused: [...refused] }
    },
    async testify({ testimony, author, via }) {
      const prefixes = prefixesOf(testimony.map(({ who }) => who))
      const words = testimony.map(({ seconds, because: note }, i) => ({
        prefix: prefixes[i]!,
        seconds: seconds as Seconds,
        note,
      }))
      const { locked, kept, refused } = await trap.testify(words, { by: author, via })
      return { locked: [...locked], kept: [...kept], refused: [...refused] }
    },
    async withdraw({ who, author, via }) {
      const prefixes = prefixesOf(who)
      const withdrawn = trap.withdraw(prefixes, { by: author, via })
      const gone = new Set(withdrawn)
      const others = who.filter((_, i) => !namesOf(prefixes[i]!).some(fly => gone.has(fly)))
      return { withdrawn: [...withdrawn], others }
    },
    free,
    async forget({ who, by }) {
      const { count, held, around } = await free({ who, by })
      const forgotten = await trap.forget(prefixesOf(who), by)
      return { freed: count + held.length, ...forgotten, ...(around && { around }) }
    },
    ...openNever(trap, now),
    flush: trap.flush,
    async pause({ seconds, by }) {
      trap.pause(seconds as Seconds, by)
    },
    async names({ name, hosts, ttl }) {
      const { known, refused } = trap.nameHosts(name, hosts, ttl)
      return { known: [...known], refused: [...refused] }
    },
    reload,
    stop(by) {
      log.info(`told to stop by ${by}`)
      return finish('retire')
    },
    leave(by) {
      log.info(`told to leave by ${by}`)
      return finish('leave')
    },
    async confirm(by) {
      trial.confirm(by)
    },
  }
}

/** How it stands with the trap, and what it has counted. */
function standingOf({ trap, trial, world }: Running, table = world.firewall.look()) {
  const { capture, ...counts } = trap.counts(table)
  return {
    ...(trap.auto === undefined ? {} : { auto: trap.auto }),
    settings: [...(trap.settings.origin?.files ?? [])],
    ...neverFacts(trap.settings),
    names: trap.named(),
    outside: [...tasksOf(trap.settings)],
    ...(trap.neverFilesHangSince === undefined ? {} : { neverFilesHangSince: trap.neverFilesHangSince }),
    history: world.history.standing(),
    ring: trap.ring(),
    dryRun: trap.settings.dryRun,
    reachable: reachableOf(trap.settings, world.surroundings.doors),
    remarks: [...world.surroundings.remarks()],
    ...(trial.until === undefined ? {} : { tryUntil: trial.until }),
    ...(trap.pausedUntil === undefined ? {} : { pausedUntil: trap.pausedUntil }),
    counts: { ...counts, ...capture, logLost: world.log.lost() },
  }
}

/** What the kernel supports does not change while the daemon runs, and to ask it takes some milliseconds. */
function oncePerKernel({ firewall }: World) {
  let known: { supportsQueue: boolean; supportsLog: boolean } | undefined
  return () => {
    known ??= { supportsQueue: firewall.supports('queue'), supportsLog: firewall.supports('log') }
    return known
  }
}

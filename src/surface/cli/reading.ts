/** Verbs that read the history read its file themselves; who may not has the daemon tell it. */
import type { History, LockoutRow } from '../../history/history.ts'
import type { Filter, SORTS } from '../../history/selection.ts'
import { entryOfFacts } from '../../settings/never-by-hand.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Prefix } from '../../terms/address.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { type Client, reachDaemon } from '../control/client.ts'
import { ASKED_MAX } from '../control/past-protocol.ts'
import type { DaemonStatus } from '../control/status-protocol.ts'
import { rowOfFacts } from '../lockout-facts.ts'
import { type Geo, openGeo } from './geo.ts'
import type { Call } from './verb.ts'

/**
 * Throws a Failure (69) where the running daemon says that its disk hangs: whoever touches that waits as well, and no signal ends him.
 * Whoever may not ask a daemon reads all the same.
 */
export async function historyToRead({ system }: Call, dryRun = false): Promise<History> {
  const since = (await statusOf({ system }))?.history?.hangsSince
  if (since === undefined) return system.openHistory({ readOnly: true, dryRun })
  throw new Failure(
    `the history hangs: the disk of ${system.state} does not answer since ${new Date(since).toISOString()}`,
    {
      exit: EXIT.unavailable,
      hint: 'Look at that disk and its mount. Locking out goes on; flypaperd status says what waits.',
    },
  )
}

/** What the running daemon says of itself; undefined where there is none, or it is not for us. */
export async function statusOf({ system }: Pick<Call, 'system'>): Promise<DaemonStatus | undefined> {
  const daemon = await reachDaemon(system.socket, 'status').catch(() => undefined)
  return daemon?.status().catch(() => undefined)
}

/**
 * The daemon, where its control socket is not ours, and that of a group is: then neither is the file. Throws a Failure (69) where it has
 * another history than is asked for: of a dry run, or of none.
 */
export async function daemonThatReads({ system }: Call, dryRun = false): Promise<Client | undefined> {
  const daemon = await reachDaemon(system.socket, 'list').catch(() => undefined)
  if (!daemon?.isByGroup) return undefined
  const status = await daemon.status()
  if (status.dryRun === dryRun) return daemon
  const [its, wanted] = status.dryRun ? ['a dry run', 'that of none'] : ['no dry run', 'that of one']
  throw new Failure(`the running daemon is ${its}, and tells its own history alone`, {
    exit: EXIT.unavailable,
    hint: `To read ${wanted}, run it as root: sudo flypaperd …`,
  })
}

/** The settings with whoever is on the never-list by hand: as the daemon tells it, and where none does as the state directory. */
export async function withByHand({ system }: Call, settings: Settings): Promise<Settings> {
  const daemon = await reachDaemon(system.socket, 'never').catch(() => undefined)
  const told = await daemon?.never().catch(() => undefined)
  const neverByHand = told?.byHand.flatMap(entry => entryOfFacts(entry) ?? []) ?? system.neverByHand()
  return { ...settings, neverByHand }
}

/** What best comes first, as ORDER of history/selection.ts has it. */
const BEFORE: Readonly<Record<(typeof SORTS)[number], (one: LockoutRow, other: LockoutRow) => number>> = {
  since: (one, other) => other.id - one.id,
  until: (one, other) => endOf(one) - endOf(other) || one.id - other.id,
  times: (one, other) => other.times - one.times || other.id - one.id,
  port: (one, other) => portOf(one) - portOf(other) || other.id - one.id,
}

/** Lockouts as the daemon tells them, page by page. Where they are sorted otherwise than it does, no more than `limit` are kept. */
export async function* toldBy(
  daemon: Client,
  { within, ...filter }: Filter,
  sort: (typeof SORTS)[number],
  limit: number,
): AsyncGenerator<readonly LockoutRow[]> {
  if (sort === 'since') return yield* pagesOf(daemon, filter, within)
  let kept: LockoutRow[] = []
  for await (const page of pagesOf(daemon, filter, within))
    kept = [...kept, ...page].sort(BEFORE[sort]).slice(0, limit)
  yield kept
}

async function* pagesOf(
  daemon: Client,
  filter: Omit<Filter, 'within'>,
  within: readonly Prefix[] | undefined,
): AsyncGenerator<readonly LockoutRow[]> {
  if (within !== undefined && within.length > ASKED_MAX)
    throw new Failure(`the daemon is asked for at most ${ASKED_MAX} addresses and prefixes at once`, {
      exit: EXIT.usage,
    })
  let before: number | undefined
  do {
    const who = within?.map(({ text }) => text)
    const { flies, next } = await daemon.list({ ...filter, who, before })
    yield flies.map(rowOfFacts)
    before = next
  } while (before !== undefined)
}

function endOf({ until }: LockoutRow): number {
  return until === 'forever' ? Number.MAX_VALUE : until
}

function portOf({ tried }: LockoutRow): number {
  if (tried === undefined) return -1
  return 'port' in tried ? tried.port : 'type' in tried ? tried.type : tried.number
}

/** Those in force first, the newest of each first. */
export async function* lockoutsSince(daemon: Client, since: number): AsyncGenerator<readonly LockoutRow[]> {
  for (const past of [false, true]) yield* pagesOf(daemon, { since, past }, undefined)
}

/** Country and network of sources; undefined where the settings name no database. */
export async function geoFor({ usableSettings, system, warn }: Call): Promise<Geo | undefined> {
  return await openGeo(usableSettings().settings.geo, { readDatabase: system.readDatabase, warn })
}

/**
 * The never-list by hand: `never add` and `never remove`, the end of an entry's time, and the file in which they lie. What is in force is in the
 * policy; the file follows it, and is read at the start alone. docs/decisions/0078-never-by-hand.md
 */
import type { NeverText } from '../keep/never-store.ts'
import { openAlarm } from '../log/alarm.ts'
import {
  type Added,
  entryLines,
  firstEnd,
  inForce,
  readEntryLines,
  shifted,
  withAdded,
} from '../settings/never-by-hand.ts'
import type { NeverEntry } from '../settings/settings.ts'
import type { Prefix } from '../terms/address.ts'
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { type Fly, prefixOf } from '../terms/fly.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import type { Daemon } from './daemon.ts'
import type { InputOf } from './input.ts'
import { freeListed, letGoSpared, takeList } from './never-list.ts'
import { withNever } from './policy.ts'
import type { World } from './world.ts'

/** Whoever orders something waits so long for the disk; then it is in force, and he is told that it is not written down. */
const PATIENCE_MS = 2000
/** The machine may sleep meanwhile, which a timer does not count; and one of Node takes no more than 24 days. */
const LOOK_MS = 3_600_000
/** Entries and lines that a line of the log names. */
const NAMED_MAX = 10

export type NeverAdded = Omit<Added, 'entries'> & {
  /** Prefixes by hand that are locked out still, with one of these in them, who passes. */
  readonly around: readonly Fly[]
  /** Why it is not written down yet. */
  readonly unwritten?: string | undefined
}

export interface NeverRemoved {
  readonly removed: readonly Prefix[]
  /** Of which there was no entry. */
  readonly missing: readonly Prefix[]
  readonly unwritten?: string | undefined
}

/** The file. */
export interface NeverKeeper {
  /** Nobody knows who is there, since the disk has not answered since the start. */
  isLate: boolean
  /** Resolves when these are written down; to why they are not, where that fails or takes longer. Then it is tried again. */
  save(entries: readonly NeverEntry[]): Promise<string | undefined>
  retry(): void
}

export function openNeverKeeper({ neverStore, log, now }: World): NeverKeeper {
  const alarm = openAlarm(log, now)
  let wanted: readonly NeverEntry[] | undefined
  let going: Promise<string | undefined> | undefined

  async function write(): Promise<string | undefined> {
    while (wanted !== undefined) {
      const entries = wanted
      wanted = undefined
      try {
        await neverStore.write([[...entryLines(entries)].join('')])
      } catch (error) {
        wanted ??= entries
        const why = error instanceof Error ? error.message : String(error)
        alarm(
          `who is on the never-list by hand is not written down, and is known until this daemon ends: ${why}`,
        )
        return why
      }
    }
    return undefined
  }

  function begin(): Promise<string | undefined> {
    going ??= write().finally(() => {
      going = undefined
    })
    return going
  }

  return {
    isLate: false,
    async save(entries) {
      wanted = entries
      const late = Promise.withResolvers<string>()
      const timer = setTimeout(late.resolve, PATIENCE_MS, 'its disk does not answer').unref()
      try {
        return await Promise.race([begin(), late.promise])
      } finally {
        clearTimeout(timer)
      }
    },
    retry() {
      if (wanted !== undefined) void begin()
    },
  }
}

/** Who is there when the daemon begins. `stepped`: by so much the clock was set while none ran. */
export function neverAtStart(world: World, keeper: NeverKeeper, stepped: number): readonly NeverEntry[] {
  const found = readSafely(world)
  if (found !== 'late') return taken(world, keeper, found, stepped)
  keeper.isLate = true
  world.log.warn(
    'the disk does not answer: who is on the never-list by hand is not known, and is in force when it does',
  )
  return []
}

function readSafely({ neverStore }: World): NeverText | 'late' | undefined {
  try {
    return neverStore.read()
  } catch (error) {
    return { because: error instanceof Error ? error.message : String(error) }
  }
}

/** What the disk had not told at the start. */
export async function takeUpNever(daemon: Daemon): Promise<void> {
  const { world, neverKeeper, ended } = daemon
  if (!neverKeeper.isLate) return
  const found = await world.neverStore.later()
  if (ended.aborted) return
  neverKeeper.isLate = false
  const entries = taken(world, neverKeeper, found, 0)
  if (entries.length === 0) return
  putInForce(daemon, entries)
  await freeListed(daemon, setOf(entries), 'the never-list', () => {})
  letGoSpared(daemon)
}

function taken(
  world: World,
  keeper: NeverKeeper,
  found: NeverText | undefined,
  stepped: number,
): readonly NeverEntry[] {
  if (found === undefined) return []
  const { entries, wrong } = 'text' in found ? readEntryLines(found.text) : { entries: [], wrong: [] }
  const moved = stepped === 0 ? entries : shifted(entries, stepped)
  const left = inForce(moved, world.now())
  const damage = 'because' in found ? `cannot be read: ${found.because}` : damageOf(wrong)
  if (damage !== undefined) void setAside(world, keeper, left, damage)
  else if (left !== entries) void keeper.save(left)
  return left
}

function damageOf(wrong: readonly number[]): string | undefined {
  if (wrong.length === 0) return undefined
  const more = wrong.length > NAMED_MAX ? ` and ${wrong.length - NAMED_MAX} more` : ''
  const lines = `${wrong.length === 1 ? 'line' : 'lines'} ${wrong.slice(0, NAMED_MAX).join(', ')}${more}`
  return `is damaged in ${lines}`
}

/** The file is kept for a person to look at, and what could be read of it is written anew. */
async function setAside(
  { neverStore, log }: World,
  keeper: NeverKeeper,
  left: readonly NeverEntry[],
  damage: string,
): Promise<void> {
  const rest = `${left.length} ${left.length === 1 ? 'entry is' : 'entries are'} in force. Put there again whoever is missing: flypaperd never add`
  try {
    const aside = await neverStore.setAside()
    log.error(`the file of the never-list by hand ${damage}. It is ${aside} now, and ${rest}`)
    await keeper.save(left)
  } catch (error) {
    log.error(
      `the file of the never-list by hand ${damage}, and cannot be set aside: ${String(error)}. ${rest}`,
    )
  }
}

export async function addNever(daemon: Daemon, { wish, freed }: InputOf<'never-add'>): Promise<NeverAdded> {
  const { state, world } = daemon
  refuseLate(daemon)
  const { entries, ...rest } = withAdded(state.policy.asked.neverByHand, wish, world.now())
  const prefixes = [...rest.added, ...rest.changed]
  if (prefixes.length === 0) return { ...rest, around: [] }
  const saved = putInForce(daemon, entries)
  const end = wish.until === 'forever' ? 'for ever' : `until ${new Date(wish.until).toISOString()}`
  const why = wish.because === undefined ? '' : `: ${escapeText(wish.because)}`
  world.log.info(`never add ${namesOf(prefixes)} (by ${escapeText(wish.by)}), ${end}${why}`)
  const set = prefixSet(prefixes)
  await freeListed(daemon, set, `the never-list (${wish.by})`, freed)
  letGoSpared(daemon)
  const around = state.flies.nets(world.now()).filter(net => set.overlaps(prefixOf(net)))
  return { ...rest, around, unwritten: await saved }
}

export async function removeNever(
  daemon: Daemon,
  { prefixes, by }: InputOf<'never-remove'>,
): Promise<NeverRemoved> {
  refuseLate(daemon)
  const before = daemon.state.policy.asked.neverByHand
  const gone = new Set(prefixes.map(({ text }) => text))
  const entries = before.filter(({ prefix }) => !gone.has(prefix.text))
  const removed = before.filter(({ prefix }) => gone.has(prefix.text)).map(({ prefix }) => prefix)
  const missing = prefixes.filter(({ text }) => !removed.some(one => one.text === text))
  if (removed.length === 0) return { removed, missing }
  const saved = putInForce(daemon, entries)
  daemon.world.log.info(`never remove ${namesOf(removed)} (by ${escapeText(by)})`)
  return { removed, missing, unwritten: await saved }
}

/** Takes out whose time is over, and writes again what could not be written. */
export function keepNeverByHand(daemon: Daemon): void {
  const { state, world, neverKeeper } = daemon
  const before = state.policy.asked.neverByHand
  const left = inForce(before, world.now())
  if (left === before) {
    neverKeeper.retry()
    setClock(daemon)
    return
  }
  void putInForce(daemon, left)
  const over = before.filter(entry => !left.includes(entry)).map(({ prefix }) => prefix)
  world.log.info(`on the never-list by hand no more, since their time is over: ${namesOf(over)}`)
}

/** The clock was set: each lasts as long as before. A dry run, which has a history of its own, leaves that to the other daemon. */
export function shiftNever(daemon: Daemon, ms: number): void {
  const { policy } = daemon.state
  const before = policy.asked.neverByHand
  if (before.length === 0 || policy.settings.dryRun) return
  const neverByHand = shifted(before, ms)
  daemon.state.policy = withNever(policy, { neverByHand })
  void daemon.neverKeeper.save(neverByHand)
  setClock(daemon)
}

function putInForce(daemon: Daemon, neverByHand: readonly NeverEntry[]): Promise<string | undefined> {
  takeList(daemon, withNever(daemon.state.policy, { neverByHand }))
  // The ruleset for boot names them.
  daemon.changed()
  setClock(daemon)
  return daemon.neverKeeper.save(neverByHand)
}

function setClock({ state, world, neverClock }: Daemon): void {
  const end = firstEnd(state.policy.asked.neverByHand)
  neverClock.set(end === undefined ? undefined : Math.min(LOOK_MS, Math.max(0, end - world.now())))
}

/** What would be written takes the place of what is not known. */
function refuseLate({ neverKeeper }: Daemon): void {
  if (!neverKeeper.isLate) return
  throw new Failure('who is on the never-list by hand is not known, since the disk has not answered yet', {
    exit: EXIT.unavailable,
    hint: 'Look at the disk of the state directory and its mount; what the settings name in never is in force after a reload.',
  })
}

function setOf(entries: readonly NeverEntry[]) {
  return prefixSet(entries.map(({ prefix }) => prefix))
}

function namesOf(prefixes: readonly Prefix[]): string {
  const names = prefixes.slice(0, NAMED_MAX).map(({ text }) => text)
  const more = prefixes.length - names.length
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/**
 * What the sets of intervals hold by the settings: prefixes by the hundred thousand, which are written where they differ from what is there.
 * To empty such a set and fill it again in one transaction takes the kernel 3.6 s for 100,000 of them, since it looks at each
 * that is on its way out; what is written in pieces, in their order, takes 0.5 s (docs/decisions/0055-never-files.md).
 */
import { compare, EMPTY, growing, type PrefixSet, WORDS } from '../terms/prefix-set.ts'
import type { Change, Firewall, TableView } from './firewall.ts'
import { graceChanges } from './surroundings.ts'

/** What the never-list brings into the sets. */
export interface Listed {
  readonly never: PrefixSet
  /** Where IPv6 hosts stick one by one. */
  readonly singles: PrefixSet
}

const NOBODY: Listed = { never: EMPTY, singles: EMPTY }

const SETS = [
  { set: 'flypaper_never', of: 'never', family: 4 },
  { set: 'flypaper_never6', of: 'never', family: 6 },
  { set: 'flypaper_single6', of: 'singles', family: 6 },
] as const

const EMPTIED: readonly Change[] = SETS.map(({ set }) => ({ change: 'empty', set }))

/** Prefixes that come in one transaction with the emptying of their sets: they stand still for less than the others would take. */
const AT_ONCE_MAX = 1000
/** For so long at most nobody is judged while many of them are written; 200,000 take 2 s. */
const FILLING_SECONDS = 30
/** Intervals of one transaction: at most 1 MB of messages, which the kernel takes in some ten milliseconds. */
const PIECE = 10_000

/**
 * Whom the settings spare. Of what is known to be there the difference is written. Of what others have left all is emptied first: in the same transaction
 * where that is quick, else nobody is judged meanwhile.
 */
export function fillListed(
  firewall: Firewall,
  wanted: Listed,
  before: TableView | undefined,
  listed: Listed | undefined,
  atOnceMax = AT_ONCE_MAX,
): void {
  const isNew = before?.sets.some(({ name }) => name === 'flypaper_never') !== true
  const there = isNew ? NOBODY : listed
  if (there !== undefined && tryToExchange(firewall, there, wanted)) return
  if (wanted.never.size + wanted.singles.size <= atOnceMax) {
    firewall.change([...EMPTIED, ...exchanges(NOBODY, wanted)])
    return
  }
  firewall.change(graceChanges(FILLING_SECONDS))
  for (const change of EMPTIED) firewall.change([change])
  for (const change of exchanges(NOBODY, wanted)) firewall.change([change])
}

/** False when the sets do not hold what they should: somebody else has been there. */
function tryToExchange(firewall: Firewall, before: Listed, after: Listed): boolean {
  try {
    for (const change of exchanges(before, after)) firewall.change([change])
    return true
  } catch {
    return false
  }
}

/**
 * What makes of the one the other, each a transaction of its own if need be. Whoever is in both stays, and a prefix that takes the place of others, or the
 * other way round, comes as they go.
 */
export function* exchanges(before: Listed, after: Listed, most = PIECE): Generator<Change> {
  for (const { set, of, family } of SETS)
    for (const piece of pieces(before[of].ranges[family], after[of].ranges[family], WORDS[family], most))
      yield { change: 'exchange', set, family, ...piece }
}

interface Piece {
  readonly gone: Uint32Array
  readonly come: Uint32Array
}

/** Both are walked over together, by their beginnings. */
function* pieces(before: Uint32Array, after: Uint32Array, words: number, most: number): Generator<Piece> {
  const each = 2 * words
  let [old, fresh] = [0, 0]
  let [gone, come] = [growing(), growing()]
  /** The last address of what is in the piece: what overlaps it belongs there, too. */
  let reach: { readonly in: Uint32Array; readonly at: number } | undefined
  const isBeyond = (ranges: Uint32Array, at: number) =>
    reach === undefined || compare(ranges, at, reach.in, words, reach.at) > 0
  const isEnough = () => gone.length() + come.length() >= most * each

  while (old < before.length || fresh < after.length) {
    const order =
      old >= before.length ? 1 : fresh >= after.length ? -1 : compare(before, old, after, words, fresh)
    const isSame = order === 0 && compare(before, old + words, after, words, fresh + words) === 0
    const [ranges, at] = order <= 0 ? [before, old] : [after, fresh]
    if (isEnough() && isBeyond(ranges, at)) {
      yield { gone: gone.taken(), come: come.taken() }
      ;[gone, come] = [growing(), growing()]
    }
    if (!isSame) {
      ;(order <= 0 ? gone : come).push(ranges, at, each)
      if (isBeyond(ranges, at + words)) reach = { in: ranges, at: at + words }
    }
    if (order <= 0) old += each
    if (isSame || order > 0) fresh += each
  }
  if (gone.length() + come.length() > 0) yield { gone: gone.taken(), come: come.taken() }
}

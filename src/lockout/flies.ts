/**
 * The index of the flies: who is locked out until when, in memory, so that the kernel's set is never listed for a
 * look-up. It holds no more flies than the sets have room for: a million, each as numbers in term-table.ts. The text of
 * a fly is made when somebody asks for it, and not kept (docs/decisions/0028-a-million-flies.md).
 */
import type { TimedFly } from '../arm/flies.ts'
import { type Address, type Prefix, prefixAround } from '../terms/address.ts'
import { type Fly, type FlySet, isNet, meets, setOf } from '../terms/fly.ts'
import type { PrefixSet } from '../terms/prefix-set.ts'
import { flyOfKey, keyOf } from './fly-key.ts'
import { endOf, type Memory, type Testifier } from './lockout.ts'
import { type TermTable, termTable } from './term-table.ts'
import { firstToEnd, lasting, within } from './term-walks.ts'
import { type Due, dueWithin, type Longest, writtenDown } from './trying.ts'

/** Milliseconds since the epoch; for ever is infinite. */
export interface Term {
  readonly since: number
  readonly until: number
  /** By so many milliseconds, in whole seconds, it is prolonged while the fly tries; without: never. Not told by `get`. */
  readonly stretch?: number | undefined
  /** A person wanted it: also what is public is shut for it. */
  readonly byHand?: boolean | undefined
  /** Nothing but what somebody else says. */
  readonly testimony?: Testifier | undefined
}

/** Flies of one set that are to be asked for now; there may be none in so many places. */
export interface DueFlies {
  readonly set: 'flypaper' | 'flypaper6'
  readonly due: readonly Due[]
  /** When the first of the others that were looked at is due, in milliseconds since the epoch; infinite when nobody is. */
  readonly next: number
}

export interface Flies {
  /** The fly, if it is one now. */
  get(fly: Fly, now: number): Term | undefined
  /** Whether it is known, also when its time is over. */
  has(fly: Fly): boolean
  put(fly: Fly, term: Term): void
  delete(fly: Fly): void
  clear(): void
  /** How many there are now. */
  count(now: number): number
  /** How many there are now in each set. */
  fill(now: number): Record<FlySet, number>
  /** How many of the set's places are taken, by flies whose time is over too until they are swept. */
  taken(set: FlySet): number
  /** All of them, in no order, read as the caller takes them; also those whose time is over. */
  [Symbol.iterator](): Iterator<readonly [Fly, Term]>
  /** Who is one, with the time left when it is taken, in no order. */
  timed(now: () => number): Iterable<TimedFly>
  /**
   * The flies that overlap one of the prefixes, by pieces of the index: it is walked over once, however many prefixes there are. In
   * many pieces there is nobody, so that whoever takes them can let others have their turn.
   */
  matching(wanted: PrefixSet, now: number): Iterable<readonly Fly[]>
  /** The hosts that a person has locked out, with the time left. */
  byHand(now: number): readonly TimedFly[]
  /** The flies that are whole prefixes. */
  nets(now: number): readonly Fly[]
  /** How many flies there are by testimony alone; those whose time is over until they are swept may be among them, below so many. */
  testified(now: number, exactFrom: number): number
  /** At most so many of the set, whose time ends first and before `until`. */
  shortest(set: FlySet, most: number, until: number): readonly Fly[]
  /**
   * Who is to be asked whether he tries, by pieces of the index, whose `due` are at most ASKED_AT_ONCE. It is walked over once, while others
   * come and go.
   */
  dueToAsk(longest: Longest, now: () => number): Iterable<DueFlies>
  /** So many packets of it were counted at its half; undefined: it is not asked for any more, and ends. */
  saw(fly: Fly, packets: number | undefined): void
  /** Forgets those whose time is over; the kernel has let them go by itself. */
  sweep(now: number): void
  /** The clock was set by so many milliseconds: nobody is freed or kept longer for it. */
  shift(ms: number): void
}

/** Places of a piece of the index. */
const PLACES = 1000
/** Places that are looked at for who is due in one go: some tens of microseconds. */
const WALKED = 16_384
/** Each costs the kernel some 15 microseconds. */
export const ASKED_AT_ONCE = 128
/** Whoever reads them all looks at the clock for each so many. */
const LOOKS = 256

export function indexOfFlies(): Flies {
  const tables: Tables = [termTable(1), termTable(2), termTable(4)]
  const [hosts4, nets6, hosts6] = tables
  /** What has no key: prefixes by hand, at most NETS_MAX, and the rare address that is written with dots and colons. */
  const others = new Map<Fly, Term>()
  /** Those of the tables that a person has locked out: few, unless he imports a list. */
  const byHand = new Set<Fly>()
  /** Those that are flies by testimony alone: no more than TESTIFIED_MAX. */
  const testified = new Map<Fly, Testifier>()
  const tableOf = (key: Uint32Array) => (key.length === 1 ? hosts4 : key.length === 2 ? nets6 : hosts6)

  function find(fly: Fly): Term | undefined {
    const key = keyOf(fly)
    if (key === undefined) return others.get(fly)
    const table = tableOf(key)
    const place = table.find(key)
    if (place < 0) return undefined
    const term = { since: table.since[place]!, until: table.until[place]! }
    if (byHand.size > 0 && byHand.has(fly)) return { ...term, byHand: true }
    const testimony = testified.size > 0 ? testified.get(fly) : undefined
    return testimony === undefined ? term : { ...term, testimony }
  }

  function put(fly: Fly, { since, until, stretch = 0, byHand: isByHand = false, testimony }: Term): void {
    if (testimony !== undefined) testified.set(fly, testimony)
    else if (testified.size > 0) testified.delete(fly)
    if (isByHand && !isNet(fly)) byHand.add(fly)
    else if (byHand.size > 0) byHand.delete(fly)
    const key = keyOf(fly)
    if (key === undefined) others.set(fly, { since, until })
    else tableOf(key).put(key, since, until, Math.round(stretch / 1000))
  }

  function saw(fly: Fly, packets: number | undefined): void {
    const key = keyOf(fly)
    if (key === undefined) return
    const table = tableOf(key)
    const place = table.find(key)
    if (place < 0) return
    if (packets === undefined) table.stretch[place] = 0
    else table.seen[place] = writtenDown(packets)
  }

  function remove(fly: Fly): void {
    byHand.delete(fly)
    testified.delete(fly)
    const key = keyOf(fly)
    if (key === undefined) others.delete(fly)
    else tableOf(key).delete(key)
  }

  function forgetOver(some: Set<Fly> | Map<Fly, Testifier>, now: number): void {
    for (const fly of some.keys()) if ((find(fly)?.until ?? 0) <= now) some.delete(fly)
  }

  function* entries(): Generator<readonly [Fly, Term]> {
    for (const table of tables)
      for (let place = 0; place < table.end; place++) {
        const until = table.until[place]!
        if (Number.isNaN(until)) continue
        const fly = flyOfKey(table.keyAt(place))
        const term = { since: table.since[place]!, until }
        yield [fly, byHand.size > 0 && byHand.has(fly) ? { ...term, byHand: true } : term]
      }
    yield* others
  }

  return {
    get(fly, now) {
      const found = find(fly)
      return found !== undefined && found.until > now ? found : undefined
    },
    has: fly => find(fly) !== undefined,
    put,
    delete: remove,
    clear() {
      for (const table of tables) table.clear()
      byHand.clear()
      testified.clear()
      others.clear()
    },
    count(now) {
      const { flypaper, flypaper6, flypaper_nets, flypaper_nets6 } = this.fill(now)
      return flypaper + flypaper6 + flypaper_nets + flypaper_nets6
    },
    fill: now => fillOf(tables, others, now),
    [Symbol.iterator]: entries,
    taken(set) {
      const inTables = set === 'flypaper' ? hosts4.size : set === 'flypaper6' ? nets6.size + hosts6.size : 0
      return inTables + [...others.keys()].filter(fly => setOf(fly) === set).length
    },
    *timed(now) {
      let at = now()
      let count = 0
      for (const [fly, { until }] of entries()) {
        if (++count % LOOKS === 0) at = now()
        if (until > at) yield { fly, seconds: secondsLeft(until, at) }
      }
    },
    *matching(wanted, now) {
      yield [...others].filter(([fly, { until }]) => until > now && meets(fly, wanted)).map(([fly]) => fly)
      for (const table of tables)
        if (wanted.ranges[table === hosts4 ? 4 : 6].length > 0)
          for (let from = 0; from < table.end; from += PLACES) yield within(table, from, PLACES, wanted, now)
    },
    byHand: now =>
      [...byHand].flatMap(fly => {
        const until = find(fly)?.until ?? 0
        return until > now ? [{ fly, seconds: secondsLeft(until, now) }] : []
      }),
    nets(now) {
      return [...others.keys()].filter(fly => isNet(fly) && this.get(fly, now) !== undefined)
    },
    testified(now, exactFrom) {
      if (testified.size >= exactFrom) forgetOver(testified, now)
      return testified.size
    },
    shortest(set, most, until) {
      const inTables = set === 'flypaper' ? [hosts4] : set === 'flypaper6' ? [nets6, hosts6] : []
      return firstToEnd(inTables, most, until)
    },
    dueToAsk: (longest, now) => dueIn(tables, longest, now),
    saw,
    sweep(now) {
      forgetOver(byHand, now)
      forgetOver(testified, now)
      for (const table of tables)
        for (let place = 0; place < table.end; place++)
          if (table.until[place]! <= now) table.delete(table.keyAt(place))
      for (const [fly, { until }] of others) if (until <= now) others.delete(fly)
    },
    shift(ms) {
      for (const { since, until, end } of tables)
        for (let place = 0; place < end; place++) {
          since[place]! += ms
          until[place]! += ms
        }
      for (const [fly, { since, until }] of others) others.set(fly, { since: since + ms, until: until + ms })
    },
  }
}

/** Of IPv4 hosts, IPv6 networks and IPv6 hosts. */
type Tables = readonly [TermTable, TermTable, TermTable]

function* dueIn(tables: Tables, longest: Longest, now: () => number): Generator<DueFlies> {
  for (const table of tables) {
    const set = table === tables[0] ? 'flypaper' : 'flypaper6'
    for (let from = 0; from < table.end; ) {
      const slice = { from, count: WALKED, most: ASKED_AT_ONCE }
      const { places, end, next } = dueWithin(table, slice, longest, now())
      from = end
      yield { set, due: places.map(place => dueAt(table, place)), next }
    }
  }
}

function fillOf(
  [hosts4, nets6, hosts6]: Tables,
  others: ReadonlyMap<Fly, Term>,
  now: number,
): Record<FlySet, number> {
  const fill = {
    flypaper: lasting(hosts4, now),
    flypaper6: lasting(nets6, now) + lasting(hosts6, now),
    flypaper_nets: 0,
    flypaper_nets6: 0,
  }
  for (const [fly, { until }] of others) if (until > now) fill[setOf(fly)]++
  return fill
}

function dueAt(table: TermTable, place: number): Due {
  return {
    fly: flyOfKey(table.keyAt(place)),
    since: table.since[place]!,
    until: table.until[place]!,
    stretch: table.stretch[place]! * 1000,
    seen: table.seen[place]!,
  }
}

/** Who is a fly by this history. */
export function indexOf(history: Pick<Memory, 'terms'>, now: number): Flies {
  const flies = indexOfFlies()
  for (const { source, since, until, ...more } of history.terms(now))
    flies.put(source, { since, until: endOf(until), ...more })
  return flies
}

/** Whole seconds, as the kernel's sets take them, one at least; undefined: for ever. */
export function secondsLeft(until: number, now: number): number | undefined {
  return until === Number.POSITIVE_INFINITY ? undefined : Math.max(1, Math.round((until - now) / 1000))
}

export function isOneHost({ family, length }: Prefix): boolean {
  return length === (family === 4 ? 32 : 128)
}

/** The flies that one address can be: itself, and its /64. None for a wide prefix. */
export function namesOf(prefix: Prefix): Fly[] {
  if (prefix.length === 32 && prefix.family === 4) return [prefix.text as Fly]
  if (prefix.length === 64 && prefix.family === 6) return [prefix.text as Fly]
  if (prefix.length < 128) return []
  return [prefix.text as Fly, prefixAround(prefix.text as Address, 64).text as Fly]
}

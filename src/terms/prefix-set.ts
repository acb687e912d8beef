/**
 * Prefixes that many addresses are compared with: a packet with the never-list, a million flies with what an order names.
 * They are kept as sorted ranges of 32-bit words, 8 bytes an IPv4 prefix and 32 an IPv6 one, and a look-up halves them, so that it hardly
 * matters how many there are.
 */
import { type Address, type Family, type Prefix, prefixBetween } from './address.ts'
import { type AddressKey, addressKey } from './address-bytes.ts'

export interface PrefixSet {
  /** Whether the address lies in one of them. */
  has(key: AddressKey): boolean
  /** Whether the prefix overlaps one of them. */
  overlaps(prefix: Prefix): boolean
  /** The first that it overlaps. */
  across(prefix: Prefix): Prefix | undefined
  /** Whether it overlaps one, for a prefix as its first words: one is an IPv4 address, two are a /64, four an IPv6 address. */
  meets(words: ArrayLike<number>): boolean
  /** First and last address of each, in their order; none overlaps another. */
  readonly ranges: Readonly<Record<Family, Uint32Array>>
  /** How many there are: without those that lie in another one. */
  readonly size: number
}

/** Words of an address. */
export const WORDS = { 4: 1, 6: 4 } as const

/** The set of a list is made once, and lives as long as the list: that must not change. */
export function prefixSet(prefixes: readonly Prefix[]): PrefixSet {
  const before = sets.get(prefixes)
  if (before !== undefined) return before
  const collected = collectPrefixes()
  for (const prefix of prefixes) collected.add(prefix)
  const made = collected.set()
  sets.set(prefixes, made)
  return made
}

const sets = new WeakMap<readonly Prefix[], PrefixSet>()

/** Whether the address lies in one of the prefixes. */
export function isIn(address: Address, prefixes: readonly Prefix[]): boolean {
  return prefixSet(prefixes).has(addressKey(address))
}

/** The same for the key of an address: it is made once where several lists are asked, as for each packet. */
export function isKeyIn(key: AddressKey, prefixes: readonly Prefix[]): boolean {
  return prefixSet(prefixes).has(key)
}

/** Those of all of them. */
export function unionOf(sets: readonly PrefixSet[]): PrefixSet {
  const some = sets.filter(({ size }) => size > 0)
  if (some.length <= 1) return some[0] ?? EMPTY
  const collected = collectPrefixes()
  for (const { ranges } of some) for (const family of FAMILIES) collected.addRanges(family, ranges[family])
  return collected.set()
}

/** Each of them; with text and numbers, so not for many at once. */
export function* prefixesIn({ ranges }: PrefixSet): Generator<Prefix> {
  for (const family of FAMILIES) yield* prefixesOf(ranges[family], family)
}

/** The same of ranges alone. */
export function* prefixesOf(ranges: Uint32Array, family: Family): Generator<Prefix> {
  for (let at = 0; at < ranges.length; at += 2 * WORDS[family]) yield prefixAt(ranges, at, family)
}

const FAMILIES = [4, 6] as const

export interface Collected {
  add(prefix: Prefix): void
  /** First and last address of each, as a set has them. */
  addRanges(family: Family, ranges: Uint32Array): void
  /** One, whose host bits are zero, by the words of its first address. */
  addWords(family: Family, first: ArrayLike<number>, length: number): void
  /** How many were added. */
  count(): number
  set(): PrefixSet
}

/** Takes prefixes in whatever order, and makes a set of them. */
export function collectPrefixes(): Collected {
  const all = { 4: growing(), 6: growing() }
  const scratch = new Uint32Array(8)
  return {
    add({ family, first, last }) {
      const words = WORDS[family]
      writeWords(scratch, 0, first, words)
      writeWords(scratch, words, last, words)
      all[family].push(scratch, 0, 2 * words)
    },
    addRanges: (family, ranges) => all[family].push(ranges, 0, ranges.length),
    addWords(family, first, length) {
      const words = WORDS[family]
      for (let word = 0; word < words; word++) {
        scratch[word] = first[word]!
        scratch[words + word] = first[word]! | hostMask(length - 32 * word)
      }
      all[family].push(scratch, 0, 2 * words)
    },
    count: () => all[4].length() / 2 + all[6].length() / 8,
    set: () => setOf(disjoint(all[4].taken(), WORDS[4]), disjoint(all[6].taken(), WORDS[6])),
  }
}

/** The bits of a word that lie behind so many. */
function hostMask(length: number): number {
  return length <= 0 ? 0xffff_ffff : length >= 32 ? 0 : 0xffff_ffff >>> length
}

/** Numbers in an array that is made larger as they come. */
export function growing() {
  let numbers = new Uint32Array(16)
  let length = 0
  return {
    /** So many numbers that stand there. */
    push(from: Uint32Array, at: number, count: number): void {
      if (length + count > numbers.length) {
        const larger = new Uint32Array(Math.max(2 * numbers.length, length + count))
        larger.set(numbers)
        numbers = larger
      }
      for (let i = 0; i < count; i++) numbers[length++] = from[at + i]!
    },
    length: () => length,
    taken: () => numbers.subarray(0, length),
  }
}

/** In their order, without those that lie in another: prefixes nest or are disjoint, so whatever begins in one ends in it. */
function disjoint(ranges: Uint32Array, words: number): Uint32Array {
  const each = 2 * words
  const sorted = inOrder(ranges, each) ? ranges : sortedBy(ranges, words)
  const kept = new Uint32Array(sorted.length)
  let end = 0
  for (let at = 0; at < sorted.length; at += each) {
    if (end > 0 && compare(kept, end - words, sorted, words, at + words) >= 0) continue
    for (let word = 0; word < each; word++) kept[end + word] = sorted[at + word]!
    end += each
  }
  return end === kept.length ? kept : kept.slice(0, end)
}

/** Whether they are sorted already, as most lists are. */
function inOrder(ranges: Uint32Array, each: number): boolean {
  for (let at = each; at < ranges.length; at += each)
    if (compare(ranges, at - each / 2, ranges, each / 2, at) >= 0) return false
  return true
}

/** By their beginnings; of those that begin alike, the widest first. */
function sortedBy(ranges: Uint32Array, words: number): Uint32Array {
  const each = 2 * words
  const places = Uint32Array.from({ length: ranges.length / each }, (_, i) => i * each)
  places.sort(
    (one, other) =>
      compare(ranges, one, ranges, words, other) ||
      compare(ranges, other + words, ranges, words, one + words),
  )
  const sorted = new Uint32Array(ranges.length)
  let at = 0
  for (const place of places) for (let word = 0; word < each; word++) sorted[at++] = ranges[place + word]!
  return sorted
}

/** Used again by the next call: nothing is allocated for a look-up. */
const low = new Uint32Array(4)
const high = new Uint32Array(4)

/** The set again whose ranges these are. */
export function setOfRanges({ 4: four, 6: six }: PrefixSet['ranges']): PrefixSet {
  return setOf(four, six)
}

/** The ranges are sorted, and none overlaps another. */
function setOf(four: Uint32Array, six: Uint32Array): PrefixSet {
  function across({ family, first, last }: Prefix): number | undefined {
    const words = WORDS[family]
    writeWords(low, 0, first, words)
    writeWords(high, 0, last, words)
    return find(family === 4 ? four : six, words, low, high)
  }

  return {
    ranges: { 4: four, 6: six },
    size: four.length / 2 + six.length / 8,
    meets(words) {
      if (words.length === 1) return find(four, 1, words, words) !== undefined
      for (let i = 0; i < 4; i++) {
        low[i] = words[i] ?? 0
        high[i] = words[i] ?? 0xffff_ffff
      }
      return find(six, 4, low, high) !== undefined
    },
    has(key) {
      if (typeof key === 'number') {
        low[0] = key
        return find(four, 1, low, low) !== undefined
      }
      for (let i = 0; i < 4; i++)
        low[i] = (key[4 * i]! << 24) | (key[4 * i + 1]! << 16) | (key[4 * i + 2]! << 8) | key[4 * i + 3]!
      return find(six, 4, low, low) !== undefined
    },
    overlaps: prefix => across(prefix) !== undefined,
    across(prefix) {
      const at = across(prefix)
      return at === undefined ? undefined : prefixAt(prefix.family === 4 ? four : six, at, prefix.family)
    },
  }
}

/** No prefix at all. */
export const EMPTY: PrefixSet = setOf(new Uint32Array(), new Uint32Array())

function writeWords(into: Uint32Array, at: number, number: bigint, words: number): void {
  for (let word = 0; word < words; word++)
    into[at + word] = Number((number >> BigInt(32 * (words - 1 - word))) & 0xffff_ffffn)
}

function prefixAt(ranges: Uint32Array, at: number, family: Family): Prefix {
  const words = WORDS[family]
  return prefixBetween(numberAt(ranges, at, words), numberAt(ranges, at + words, words), family)
}

function numberAt(ranges: Uint32Array, at: number, words: number): bigint {
  let number = 0n
  for (let word = 0; word < words; word++) number = (number << 32n) | BigInt(ranges[at + word]!)
  return number
}

/** Where the range stands that is met: of those that begin at or before `last`, the last one alone may reach `first`, since they do not overlap. */
function find(
  ranges: Uint32Array,
  words: number,
  first: ArrayLike<number>,
  last: ArrayLike<number>,
): number | undefined {
  let from = 0
  let to = ranges.length / (2 * words)
  while (from < to) {
    const middle = (from + to) >>> 1
    if (compare(ranges, 2 * middle * words, last, words) <= 0) from = middle + 1
    else to = middle
  }
  const isReached = from > 0 && compare(ranges, (2 * from - 1) * words, first, words) >= 0
  return isReached ? 2 * (from - 1) * words : undefined
}

/** Comparing bigints takes ten times as long. */
export function compare(
  ranges: Uint32Array,
  at: number,
  words: ArrayLike<number>,
  count: number,
  from = 0,
): number {
  for (let i = 0; i < count; i++)
    if (ranges[at + i] !== words[from + i]) return ranges[at + i]! - words[from + i]!
  return 0
}

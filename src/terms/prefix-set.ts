/**
 * Prefixes that many addresses are compared with: a packet with the never-list, a million flies with what an order names.
 * They become sorted ranges of 32-bit words, and a look-up halves them, so that it hardly matters how many there are.
 */
import { type Address, mergePrefixes, type Prefix } from './address.ts'
import { type AddressKey, addressKey } from './address-bytes.ts'

export interface PrefixSet {
  /** Whether the address lies in one of them. */
  has(key: AddressKey): boolean
  /** Whether the prefix overlaps one of them. */
  overlaps(prefix: Prefix): boolean
  /** The same for a prefix as its first words: one is an IPv4 address, two are a /64, four an IPv6 address. */
  meets(words: ArrayLike<number>): boolean
}

/** The set of a list is made once, and lives as long as the list: that must not change. */
export function prefixSet(prefixes: readonly Prefix[]): PrefixSet {
  const before = sets.get(prefixes)
  if (before !== undefined) return before
  const made = make(mergePrefixes(prefixes))
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

/** Used again by the next call: nothing is allocated for a look-up. */
const low = new Uint32Array(4)
const high = new Uint32Array(4)

/** The prefixes are sorted, and none overlaps another. */
function make(prefixes: readonly Prefix[]): PrefixSet {
  const four = rangesOf(prefixes, 4)
  const six = rangesOf(prefixes, 6)

  function meets(words: ArrayLike<number>): boolean {
    if (words.length === 1) return isMet(four, 1, words, words)
    for (let i = 0; i < 4; i++) {
      low[i] = words[i] ?? 0
      high[i] = words[i] ?? 0xffff_ffff
    }
    return isMet(six, 4, low, high)
  }

  return {
    meets,
    has(key) {
      if (typeof key === 'number') {
        low[0] = key
        return isMet(four, 1, low, low)
      }
      for (let i = 0; i < 4; i++)
        low[i] = (key[4 * i]! << 24) | (key[4 * i + 1]! << 16) | (key[4 * i + 2]! << 8) | key[4 * i + 3]!
      return isMet(six, 4, low, low)
    },
    overlaps({ family, first, last }) {
      const words = family === 4 ? 1 : 4
      writeWords(low, 0, first, words)
      writeWords(high, 0, last, words)
      return isMet(family === 4 ? four : six, words, low, high)
    },
  }
}

/** First and last of each, in one array: comparing bigints takes ten times as long. */
function rangesOf(prefixes: readonly Prefix[], family: Prefix['family']): Uint32Array {
  const words = family === 4 ? 1 : 4
  const own = prefixes.filter(prefix => prefix.family === family)
  const ranges = new Uint32Array(own.length * 2 * words)
  for (const [i, { first, last }] of own.entries()) {
    writeWords(ranges, 2 * i * words, first, words)
    writeWords(ranges, (2 * i + 1) * words, last, words)
  }
  return ranges
}

function writeWords(into: Uint32Array, at: number, number: bigint, words: number): void {
  for (let word = 0; word < words; word++)
    into[at + word] = Number((number >> BigInt(32 * (words - 1 - word))) & 0xffff_ffffn)
}

/** The last range that begins at or before `last` is the only one that may reach `first`: they do not overlap. */
function isMet(
  ranges: Uint32Array,
  words: number,
  first: ArrayLike<number>,
  last: ArrayLike<number>,
): boolean {
  let from = 0
  let to = ranges.length / (2 * words)
  while (from < to) {
    const middle = (from + to) >>> 1
    if (compare(ranges, 2 * middle * words, last, words) <= 0) from = middle + 1
    else to = middle
  }
  return from > 0 && compare(ranges, (2 * from - 1) * words, first, words) >= 0
}

function compare(ranges: Uint32Array, at: number, words: ArrayLike<number>, count: number): number {
  for (let i = 0; i < count; i++) if (ranges[at + i] !== words[i]) return ranges[at + i]! - words[i]!
  return 0
}

/**
 * Addresses from the wire to text, by hand: this runs for every packet of a flood.
 *
 * The text is the one that parseAddress makes (RFC 5952), with one exception: an IPv6 packet whose source is an
 * IPv4-mapped address came over IPv6, and stays `::ffff:192.0.2.1`, where parseAddress means the IPv4 host.
 */
import type { Address } from '../terms/address.ts'

/** The text of the 4 bytes from `at` on, which must be there. */
export function formatIPv4(bytes: Uint8Array, at: number): Address {
  return dotted(bytes, at) as Address
}

/** The text of the 16 bytes from `at` on, which must be there. */
export function formatIPv6(bytes: Uint8Array, at: number): Address {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i]! << 8) | bytes[at + i + 1]!)
  if (isMapped(groups)) return `::ffff:${dotted(bytes, at + 12)}` as Address
  const { start, length } = longestZeroRun(groups)
  if (length < 2) return hex(groups, 0, 8) as Address
  return `${hex(groups, 0, start)}::${hex(groups, start + length, 8)}` as Address
}

function dotted(bytes: Uint8Array, at: number): string {
  return DOTTED[bytes[at]!]! + DOTTED[bytes[at + 1]!]! + DOTTED[bytes[at + 2]!]! + bytes[at + 3]!
}

/** `0.` to `255.`: half the time of turning numbers into text. */
const DOTTED = Array.from({ length: 256 }, (_, octet) => `${octet}.`)

/** ::ffff:0:0/96, RFC 4291 section 2.5.5.2. */
function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.findIndex(group => group !== 0) === 5
}

/** RFC 5952, section 4.2: the longest run is shortened, the first of several. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < 8; start++) {
    let end = start
    while (groups[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
    start = end
  }
  return best
}

function hex(groups: readonly number[], start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++)
    text += i === start ? groups[i]!.toString(16) : `:${groups[i]!.toString(16)}`
  return text
}

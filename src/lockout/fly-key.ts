/**
 * A fly as the numbers that it is: one 32-bit word for an IPv4 address, two for a /64, four for an IPv6 host. The
 * words are those of the address, the most significant first.
 */
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import type { Fly } from '../terms/fly.ts'

/** Used again by the next call: nothing is allocated for a look-up. */
const host4 = new Uint32Array(1)
const net6 = new Uint32Array(2)
const host6 = new Uint32Array(4)
const groups = new Uint16Array(8)
const bytes = new Uint8Array(16)

/** Undefined for what is kept by its text: other prefixes, and IPv6 addresses that are written with dots. Valid until the next call. */
export function keyOf(fly: Fly): Uint32Array | undefined {
  if (fly.includes(':')) return keyOf6(fly)
  let word = 0
  let part = 0
  for (let at = 0; at < fly.length; at++) {
    const code = fly.charCodeAt(at)
    if (code === SLASH) return undefined
    if (code === DOT) {
      word = word * 256 + part
      part = 0
    } else part = part * 10 + code - ZERO
  }
  host4[0] = word * 256 + part
  return host4
}

function keyOf6(fly: string): Uint32Array | undefined {
  const isNet = fly.endsWith('/64')
  const end = isNet ? fly.length - 3 : fly.length
  if (!readGroups(fly, end)) return undefined
  const key = isNet ? net6 : host6
  for (let word = 0; word < key.length; word++) key[word] = groups[2 * word]! * 65536 + groups[2 * word + 1]!
  return key
}

/** The address before `end` into `groups`; false when it is not written in groups alone. */
function readGroups(text: string, end: number): boolean {
  groups.fill(0)
  let count = 0
  let gap = -1
  let group = 0
  let digits = 0
  for (let at = 0; at <= end; at++) {
    const code = at === end ? COLON : text.charCodeAt(at)
    if (code === COLON) {
      if (digits > 0) groups[count++] = group
      else if (at < end && at > 0) gap = count
      group = digits = 0
    } else {
      const digit = code <= NINE ? code - ZERO : code - A + 10
      if (digit < 0) return false
      group = group * 16 + digit
      digits++
    }
  }
  // What stands behind `::` moves to the end.
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count)
    groups.fill(0, gap, gap + 8 - count)
  }
  return true
}

/** The fly with this key: of a /64 the first address, and its length. */
export function flyOfKey(key: Uint32Array): Fly {
  if (key.length === 2) bytes.fill(0, 8)
  for (let word = 0; word < key.length; word++) {
    const value = key[word]!
    bytes[4 * word] = value >>> 24
    bytes[4 * word + 1] = value >>> 16
    bytes[4 * word + 2] = value >>> 8
    bytes[4 * word + 3] = value
  }
  if (key.length === 1) return formatIPv4(bytes, 0) as string as Fly
  const address = formatIPv6(bytes, 0)
  return (key.length === 2 ? `${address}/64` : address) as Fly
}

const [ZERO, NINE, A, DOT, SLASH, COLON] = [48, 57, 97, 46, 47, 58]

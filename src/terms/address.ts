/**
 * Addresses and prefixes, parsed once at the border and trusted inside.
 *
 * Shapes: an Address is the canonical text of one IPv4 or IPv6 address (RFC 5952, no zone, no IPv4-mapped
 * form). A Prefix is `address/length` with its host bits cleared.
 */
import ipaddr from 'ipaddr.js'

declare const brand: unique symbol
export type Address = string & { readonly [brand]: 'Address' }

export type Family = 4 | 6

export interface Prefix {
  readonly family: Family
  /** First address, host bits cleared. */
  readonly first: bigint
  readonly last: bigint
  readonly length: number
  /** Canonical text: `192.0.2.0/24`, or without the length when it is one address. */
  readonly text: string
}

const BITS = { 4: 32, 6: 128 } as const
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
/** Four decimal numbers. A leading zero is refused, because some programs read it as octal. */
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)

/** Whether the text is one IPv4 address in canonical form. */
export function isIPv4(text: string): boolean {
  return DOTTED.test(text)
}

export function familyOf(address: Address): Family {
  return address.includes(':') ? 6 : 4
}

/** The address in canonical form; undefined when the text is not one IPv4 or IPv6 address. Never asks a resolver. */
export function parseAddress(text: string): Address | undefined {
  const value = parse(text)
  return value === undefined ? undefined : (format(value) as Address)
}

/** `192.0.2.0/24`, `2001:db8::/32` or a single address. Host bits must be zero: a typo there is told, not guessed. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/')
  const value = parse(slash < 0 ? text : text.slice(0, slash))
  if (value === undefined) return undefined
  const family = value.kind() === 'ipv4' ? 4 : 6
  const lengthText = slash < 0 ? String(BITS[family]) : text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > BITS[family]) return undefined
  const prefix = prefixOf(toNumber(value), family, Number(lengthText))
  return prefix.first === toNumber(value) ? prefix : undefined
}

/** The prefix of this length that the address lies in. */
export function prefixAround(address: Address, length: number): Prefix {
  const value = ipaddr.parse(address)
  return prefixOf(toNumber(value), value.kind() === 'ipv4' ? 4 : 6, length)
}

/** The prefix itself, or the one of this length around it when it is narrower. */
export function widen(prefix: Prefix, length: number): Prefix {
  return prefix.length <= length ? prefix : prefixOf(prefix.first, prefix.family, length)
}

export function overlaps(one: Prefix, other: Prefix): boolean {
  return one.family === other.family && one.first <= other.last && other.first <= one.last
}

/** Whether all addresses of the other lie in the first. */
export function covers(one: Prefix, other: Prefix): boolean {
  return one.family === other.family && one.first <= other.first && other.last <= one.last
}

/** The same addresses without duplicates and overlaps: nftables refuses a whole interval set for one overlap. */
export function mergePrefixes(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = [...prefixes].sort(
    (a, b) => a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : a.length - b.length),
  )
  const merged: Prefix[] = []
  for (const prefix of sorted) {
    const before = merged.at(-1)
    // Prefixes nest or are disjoint, so the shortest that starts first covers whatever overlaps it.
    if (before === undefined || !overlaps(before, prefix)) merged.push(prefix)
  }
  return merged
}

/**
 * ipaddr.js also takes 127.1, 0x7f000001 and ::0x1.2.3.4 (nobody means that in a firewall), and ::192.0.2.1 is IPv4
 * for it. So what is dotted is checked here, and an IPv6 address goes there in hexadecimal only.
 */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const tail = text.slice(text.lastIndexOf(':') + 1)
  if (tail === text) return DOTTED.test(text) ? ipaddr.IPv4.parse(text) : undefined
  if (tail.includes('.') && !DOTTED.test(tail)) return undefined
  const groups = tail.includes('.') ? text.slice(0, -tail.length) + toGroups(tail) : text
  if (groups.includes('%') || !ipaddr.IPv6.isValid(groups)) return undefined
  const value = ipaddr.IPv6.parse(groups)
  return value.isIPv4MappedAddress() ? value.toIPv4Address() : value
}

/** `192.0.2.1` as the last two groups of an IPv6 address: `c000:201`. */
function toGroups(dotted: string): string {
  const [a, b, c, d] = ipaddr.IPv4.parse(dotted).octets as [number, number, number, number]
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

function format(value: ipaddr.IPv4 | ipaddr.IPv6): string {
  return value instanceof ipaddr.IPv6 ? value.toRFC5952String() : value.toString()
}

function toNumber(value: ipaddr.IPv4 | ipaddr.IPv6): bigint {
  return value.toByteArray().reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}

/** The prefix that begins and ends there. */
export function prefixBetween(first: bigint, last: bigint, family: Family): Prefix {
  const hosts = first ^ last
  return prefixOf(first, family, BITS[family] - (hosts === 0n ? 0 : hosts.toString(2).length))
}

function prefixOf(number: bigint, family: Family, length: number): Prefix {
  const hostBits = BigInt(BITS[family] - length)
  const first = (number >> hostBits) << hostBits
  const last = first + (1n << hostBits) - 1n
  const start = addressOf(first, family)
  return { family, first, last, length, text: length === BITS[family] ? start : `${start}/${length}` }
}

function addressOf(number: bigint, family: Family): Address {
  return format(ipaddr.fromByteArray([...bytesOf(number, family)])) as Address
}

function bytesOf(number: bigint, family: Family): Uint8Array {
  const size = BITS[family] / 8
  return Uint8Array.from({ length: size }, (_, i) => Number((number >> BigInt((size - 1 - i) * 8)) & 0xffn))
}

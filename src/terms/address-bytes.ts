/**
 * Addresses as numbers, by hand, since each packet of a flood needs them: what parseAddress does with a library takes
 * ten times as long. The text must be an Address, so it is not checked again.
 */
import type { Address } from './address.ts'

/** An address as it is on the wire: of IPv4 a number of 32 bits, of IPv6 the 16 bytes. */
export type AddressKey = number | Uint8Array

export function addressKey(address: Address): AddressKey {
  return address.includes(':') ? ipv6Bytes(address) : ipv4Number(address)
}

/** The same, always as bytes: 4 or 16. */
export function keyBytes(address: Address): Uint8Array {
  const key = addressKey(address)
  if (typeof key !== 'number') return key
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, key)
  return bytes
}

/** `192.0.2.1` as a number of 32 bits. */
export function ipv4Number(address: Address): number {
  let value = 0
  let octet = 0
  for (let i = 0; i < address.length; i++) {
    const character = address.charCodeAt(i)
    if (character === DOT) {
      value = (value << 8) | octet
      octet = 0
    } else octet = octet * 10 + character - ZERO
  }
  return ((value << 8) | octet) >>> 0
}

/** The /64 that an IPv6 address lies in, in canonical form: its last half is the longest run of zeros, and more. */
export function net64Text(address: Address): string {
  const bytes = ipv6Bytes(address)
  const group = (i: number) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!
  let text = ''
  let groups = 4
  while (groups > 0 && group(groups - 1) === 0) groups--
  for (let i = 0; i < groups; i++) text += i === 0 ? group(i).toString(16) : `:${group(i).toString(16)}`
  return `${text}::/64`
}

const DOT = '.'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)

/** The 16 bytes of an IPv6 address: the groups from left to right; those behind the `::` are then moved to the end. */
function ipv6Bytes(address: Address): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16)
  let at = 0
  let gap: number | undefined
  for (let start = 0; start < address.length; ) {
    let group = 0
    let i = start
    for (; i < address.length && address.charCodeAt(i) !== COLON; i++) {
      if (address.charCodeAt(i) === DOT)
        return withGap(bytes, at + dottedTail(bytes, at, address, start), gap)
      group = (group << 4) | hexDigit(address.charCodeAt(i))
    }
    if (i > start) {
      bytes[at++] = group >> 8
      bytes[at++] = group
    }
    if (address.charCodeAt(i + 1) === COLON) gap = at
    start = i + 1
  }
  return withGap(bytes, at, gap)
}

function withGap(
  bytes: Uint8Array<ArrayBuffer>,
  end: number,
  gap: number | undefined,
): Uint8Array<ArrayBuffer> {
  if (gap === undefined) return bytes
  const behind = 16 - (end - gap)
  return bytes.copyWithin(behind, gap, end).fill(0, gap, behind)
}

function dottedTail(bytes: Uint8Array, at: number, address: Address, start: number): number {
  const number = ipv4Number(address.slice(start) as Address)
  for (let i = 0; i < 4; i++) bytes[at + i] = number >>> (24 - 8 * i)
  return 4
}

const COLON = ':'.charCodeAt(0)

/** Of a canonical address: lower case. */
function hexDigit(character: number): number {
  return character <= NINE ? character - ZERO : character - LOWER_A + 10
}

const NINE = '9'.charCodeAt(0)
const LOWER_A = 'a'.charCodeAt(0)

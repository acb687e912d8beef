/**
 * Addresses as numbers, by hand, since each packet of a flood needs them: what parseAddress does with a library takes
 * ten times as long. The text must be an Address, so it is not checked again.
 */
import type { Address } from './address.ts'

/** The 4 or 16 bytes, as they are on the wire. */
export function addressBytes(address: Address): Uint8Array {
  if (address.includes(':')) return ipv6Bytes(address)
  const value = ipv4Number(address)
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
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

const DOT = '.'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)

function ipv6Bytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(16)
  const [head = '', tail = ''] = address.split('::')
  const before = groupsOf(head)
  const after = groupsOf(tail)
  for (const [i, group] of [
    ...before,
    ...Array(8 - before.length - after.length).fill(0),
    ...after,
  ].entries()) {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group
  }
  return bytes
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const dotted = ipv4Number(group as Address)
    return [dotted >>> 16, dotted & 0xffff]
  })
}

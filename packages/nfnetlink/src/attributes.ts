/**
 * Attributes of netlink, as bytes: length and type in host byte order, what they carry in network byte order, padded to four
 * bytes (linux/netlink.h: nlattr). Pure and total: any bytes may come, nothing is read outside of them.
 */
import { align, HOST_LITTLE_ENDIAN } from './message.ts'

const HEADER = 4
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff
const NESTED = 0x8000

export interface ReadAttribute {
  readonly type: number
  /** A view. */
  readonly value: Uint8Array
}

export function* attributes(bytes: Uint8Array): Generator<ReadAttribute> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at + HEADER <= bytes.length) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < HEADER || at + length > bytes.length) return
    yield {
      type: view.getUint16(at + 2, HOST_LITTLE_ENDIAN) & TYPE_MASK,
      value: bytes.subarray(at + HEADER, at + length),
    }
    at += align(length)
  }
}

/** The last attribute of each type. */
export function attributesByType(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  for (const { type, value } of attributes(bytes)) found.set(type, value)
  return found
}

/** What a nested attribute holds of this type; nothing where there is none. */
export function within(bytes: Uint8Array | undefined, type: number): Uint8Array | undefined {
  return bytes === undefined ? undefined : attributesByType(bytes).get(type)
}

/** Of 1 to 8 bytes; what does not fit a number of JavaScript is only large. */
export function numberOf(value: Uint8Array): number {
  let sum = 0
  for (const byte of value.subarray(0, 8)) sum = sum * 256 + byte
  return sum
}

/** A name, which ends at its NUL. */
export function textOf(value: Uint8Array): string {
  const end = value.indexOf(0)
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString()
}

/** A name with its NUL. */
export function nameBytes(name: string): Uint8Array {
  return Buffer.from(`${name}\0`)
}

/** One attribute, padded. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(HEADER + value.length))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, HEADER + value.length, HOST_LITTLE_ENDIAN)
  view.setUint16(2, type, HOST_LITTLE_ENDIAN)
  bytes.set(value, HEADER)
  return bytes
}

/** An attribute that holds others. */
export function nested(type: number, ...content: readonly Uint8Array[]): Uint8Array {
  return attribute(type | NESTED, Buffer.concat(content))
}

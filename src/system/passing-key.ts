/** The elements of `flypaper_passing`: source, destination, protocol and port, each part padded to four bytes. */
import type { Refused } from '../capture/refused.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import type { Address } from '../terms/address.ts'
import { keyBytes } from '../terms/address-bytes.ts'

export function passingKey(
  source: Address,
  destination: Address,
  protocol: number,
  port: number,
): Uint8Array {
  const width = source.includes(':') ? 16 : 4
  const bytes = new Uint8Array(2 * width + 8)
  const view = new DataView(bytes.buffer)
  bytes.set(keyBytes(source))
  bytes.set(keyBytes(destination), width)
  view.setUint8(2 * width, protocol)
  view.setUint16(2 * width + 4, port)
  return bytes
}

/** What such a key means; its length tells the family. */
export function refusedOf(key: Uint8Array): Refused {
  const width = (key.length - 8) / 2
  const address = width === 4 ? formatIPv4 : formatIPv6
  const protocol = key[2 * width]!
  const port = (key[2 * width + 4]! << 8) | key[2 * width + 5]!
  return { source: address(key, 0), destination: address(key, width), protocol, port }
}

/** Whether it has the length of one. */
export function isPassingKey(key: Uint8Array): boolean {
  return key.length === 16 || key.length === 40
}

/** A packet that only its addresses and its port are known of, as the bytes that it may have been: for whoever was refused by rules of others. */
import type { Packet } from '../decode/packet.ts'
import { keyBytes } from '../terms/address-bytes.ts'

const TCP = { number: 6, bytes: 20 }
const UDP = { number: 17, bytes: 8 }

export function bytesOfPacket({ source, destination, tried }: Packet): Uint8Array {
  const [from, to] = [keyBytes(source), keyBytes(destination)]
  const transport = tried.kind === 'tcp' ? TCP : UDP
  const ip = from.length === 4 ? headerOf4(from, to, transport) : headerOf6(from, to, transport)
  const bytes = new Uint8Array(ip.length + transport.bytes)
  bytes.set(ip)
  const view = new DataView(bytes.buffer, ip.length)
  view.setUint16(2, 'port' in tried ? tried.port : 0)
  if (tried.kind === 'tcp') {
    view.setUint8(12, 5 << 4)
    view.setUint8(13, tried.flags)
  } else view.setUint16(4, transport.bytes)
  return bytes
}

function headerOf4(from: Uint8Array, to: Uint8Array, { number, bytes }: typeof TCP): Uint8Array {
  const header = new Uint8Array(20)
  header.set([0x45, 0, 0, 20 + bytes, 0, 0, 0x40, 0, 64, number])
  header.set(from, 12)
  header.set(to, 16)
  return header
}

function headerOf6(from: Uint8Array, to: Uint8Array, { number, bytes }: typeof TCP): Uint8Array {
  const header = new Uint8Array(40)
  header.set([0x60, 0, 0, 0, 0, bytes, number, 64])
  header.set(from, 8)
  header.set(to, 24)
  return header
}

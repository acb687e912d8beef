/**
 * As much of pcapng as the ring needs (draft-ietf-opsawg-pcapng): what it writes itself, little-endian, and no more is read. Wireshark and tcpdump
 * open it. Packets are as NFLOG tells them (LINKTYPE_NFLOG): with LINKTYPE_RAW libpcap refuses a second interface. What is no packet stands in journal blocks, which Wireshark shows between them.
 */

const BLOCK = { section: 0x0a0d0d0a, interface: 1, journal: 9, packet: 6 } as const
const ORDER = 0x1a2b3c4d
const LINKTYPE_NFLOG = 239
/** Family, version, group; then the payload's length and type. https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html */
const NFLOG_HEAD = 8
const NFULA_PAYLOAD = 9
const FAMILY = { 4: 2, 6: 10 } as const
const OPTION = { end: 0, comment: 1, application: 4, name: 2, description: 3 } as const
/** Type, length, and the length again. */
const FRAME = 12
const PACKET_HEAD = 20
const INTERFACE_HEAD = 8

const text = new TextEncoder()
const plain = new TextDecoder('utf-8', { fatal: true })

export interface Interface {
  readonly name: string
  readonly description: string
}

export type Block =
  | {
      readonly block: 'packet'
      /** Counted from 0. */
      readonly interface: number
      /** Milliseconds since the epoch. */
      readonly at: number
      /** From the IP header on. */
      readonly bytes: Uint8Array
      readonly comment: string
    }
  | { readonly block: 'journal'; readonly text: string }

/** What a file begins with: its section, and its interfaces. `most`: bytes of a packet that are kept. */
export function sectionOf(application: string, interfaces: readonly Interface[], most: number): Uint8Array {
  const head = new Uint8Array(16)
  const view = new DataView(head.buffer)
  view.setUint32(0, ORDER, true)
  view.setUint16(4, 1, true)
  view.setBigInt64(8, -1n, true)
  const options = [optionOf(OPTION.application, application), END]
  return joined([
    blockOf(BLOCK.section, [head, ...options]),
    ...interfaces.map(({ name, description }) => {
      const body = new Uint8Array(INTERFACE_HEAD)
      new DataView(body.buffer).setUint16(0, LINKTYPE_NFLOG, true)
      new DataView(body.buffer).setUint32(4, most + NFLOG_HEAD, true)
      const options = [optionOf(OPTION.name, name), optionOf(OPTION.description, description), END]
      return blockOf(BLOCK.interface, [body, ...options])
    }),
  ])
}

/** `bytes` begin at the IP header; `length` is that of the whole packet, as it was on the wire. The comment is ASCII. */
export function packetBlock(
  on: number,
  at: number,
  bytes: Uint8Array,
  length: number,
  comment: string,
): Uint8Array {
  const commented = 4 + padded(comment.length) + 4
  const block = new Uint8Array(FRAME + PACKET_HEAD + padded(NFLOG_HEAD + bytes.length) + commented)
  const view = new DataView(block.buffer)
  const micros = at * 1000
  view.setUint32(0, BLOCK.packet, true)
  view.setUint32(4, block.length, true)
  view.setUint32(8, on, true)
  view.setUint32(12, Math.floor(micros / 2 ** 32), true)
  view.setUint32(16, micros % 2 ** 32, true)
  view.setUint32(20, NFLOG_HEAD + bytes.length, true)
  view.setUint32(24, NFLOG_HEAD + length, true)
  const payload = 8 + PACKET_HEAD + NFLOG_HEAD
  block[payload - NFLOG_HEAD] = FAMILY[bytes[0]! >> 4 === 6 ? 6 : 4]
  view.setUint16(payload - 4, 4 + bytes.length, true)
  view.setUint16(payload - 2, NFULA_PAYLOAD, true)
  block.set(bytes, payload)
  const option = 8 + PACKET_HEAD + padded(NFLOG_HEAD + bytes.length)
  view.setUint16(option, OPTION.comment, true)
  view.setUint16(option + 2, comment.length, true)
  for (let i = 0; i < comment.length; i++) block[option + 4 + i] = comment.charCodeAt(i)
  view.setUint32(block.length - 4, block.length, true)
  return block
}

/** An entry of a journal, in its export format: `KEY=value`, a line each. */
export function journalBlock(lines: string): Uint8Array {
  return blockOf(BLOCK.journal, [text.encode(lines)])
}

export type Read =
  /** A block that the ring does not write is stepped over. */
  | { readonly offset: number; readonly end: number; readonly found: Block | undefined }
  /** From this byte on nothing can be read. */
  | { readonly offset: number; readonly wrong: string }

/** The blocks of a file, as far as they can be read. A number is never believed before it is compared with what is there. */
export function* readBlocks(bytes: Uint8Array): Generator<Read> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < FRAME + 16 || view.getUint32(0, true) !== BLOCK.section) {
    yield { offset: 0, wrong: bytes.length === 0 ? 'it is empty' : 'it is no pcapng file' }
    return
  }
  if (view.getUint32(8, true) !== ORDER) {
    yield { offset: 0, wrong: 'it is pcapng of another byte order' }
    return
  }
  for (let offset = 0; offset < bytes.length; ) {
    const left = bytes.length - offset
    const length = left < FRAME ? 0 : view.getUint32(offset + 4, true)
    if (length > left || left < FRAME) {
      yield { offset, wrong: `it ends in the middle of a block, at byte ${offset}` }
      return
    }
    if (length < FRAME || length % 4 !== 0 || view.getUint32(offset + length - 4, true) !== length) {
      yield { offset, wrong: `it is damaged at byte ${offset}` }
      return
    }
    const body = bytes.subarray(offset + 8, offset + length - 4)
    yield { offset, end: offset + length, found: bodyOf(view.getUint32(offset, true), body) }
    offset += length
  }
}

/** What the head of such a file says of its program; undefined: nothing. */
export function applicationOf(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = bytes.length < FRAME + 16 ? 0 : view.getUint32(4, true)
  if (length < FRAME + 16 || length > bytes.length) return undefined
  return optionIn(bytes.subarray(24, length - 4), OPTION.application)
}

function bodyOf(type: number, body: Uint8Array): Block | undefined {
  if (type === BLOCK.packet) return packetIn(body)
  if (type !== BLOCK.journal) return undefined
  const written = decoded(body)?.replace(/\0+$/, '')
  return written === undefined ? undefined : { block: 'journal', text: written }
}

function packetIn(body: Uint8Array): Block | undefined {
  if (body.length < PACKET_HEAD) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  const captured = view.getUint32(12, true)
  if (captured < NFLOG_HEAD || captured > body.length - PACKET_HEAD) return undefined
  const micros = view.getUint32(4, true) * 2 ** 32 + view.getUint32(8, true)
  return {
    block: 'packet',
    interface: view.getUint32(0, true),
    at: Math.floor(micros / 1000),
    bytes: body.subarray(PACKET_HEAD + NFLOG_HEAD, PACKET_HEAD + captured),
    comment: optionIn(body.subarray(PACKET_HEAD + padded(captured)), OPTION.comment) ?? '',
  }
}

function optionIn(options: Uint8Array, wanted: number): string | undefined {
  const view = new DataView(options.buffer, options.byteOffset, options.length)
  for (let at = 0; at + 4 <= options.length; ) {
    const [code, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)]
    if (code === OPTION.end || at + 4 + length > options.length) return undefined
    if (code === wanted) return decoded(options.subarray(at + 4, at + 4 + length))
    at += 4 + padded(length)
  }
  return undefined
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return plain.decode(bytes)
  } catch {
    return undefined
  }
}

const END = new Uint8Array(4)

function optionOf(code: number, value: string): Uint8Array {
  const bytes = text.encode(value)
  const option = new Uint8Array(4 + padded(bytes.length))
  new DataView(option.buffer).setUint16(0, code, true)
  new DataView(option.buffer).setUint16(2, bytes.length, true)
  option.set(bytes, 4)
  return option
}

function blockOf(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = joined(parts)
  const block = new Uint8Array(FRAME + padded(body.length))
  const view = new DataView(block.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, block.length, true)
  block.set(body, 8)
  view.setUint32(block.length - 4, block.length, true)
  return block
}

/** All of them in one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function padded(length: number): number {
  return (length + 3) & ~3
}

/** Capture files as tcpdump and Wireshark write them, for tests; written apart from src/replay/capture-file.ts, which reads them. */
import { encode, type Outgoing } from '../../src/prove/packets.ts'

export interface Recorded {
  /** Seconds since the epoch. */
  readonly at?: number
  readonly bytes: Buffer
  /** What it had on the wire, where not all is in the file. */
  readonly length?: number
}

export interface Kind {
  readonly isBig?: boolean
  readonly isNano?: boolean
  /** 101 unless told: raw IP. */
  readonly link?: number
}

type Number32 = (value: number) => Buffer

function numbers(isBig: boolean): { readonly u16: Number32; readonly u32: Number32 } {
  const made = (size: 2 | 4) => (value: number) => {
    const bytes = Buffer.alloc(size)
    if (isBig) bytes.writeUIntBE(value, 0, size)
    else bytes.writeUIntLE(value, 0, size)
    return bytes
  }
  return { u16: made(2), u32: made(4) }
}

export function pcap(
  packets: readonly Recorded[],
  { isBig = false, isNano = false, link = 101 }: Kind = {},
): Buffer {
  const { u16, u32 } = numbers(isBig)
  const header = [
    u32(isNano ? 0xa1b23c4d : 0xa1b2c3d4),
    u16(2),
    u16(4),
    u32(0),
    u32(0),
    u32(262_144),
    u32(link),
  ]
  const records = packets.flatMap(({ at = 0, bytes, length = bytes.length }) => {
    const fraction = Math.round((at % 1) * (isNano ? 1e9 : 1e6))
    return [u32(Math.floor(at)), u32(fraction), u32(bytes.length), u32(length), bytes]
  })
  return Buffer.concat([...header, ...records])
}

/** Each packet in an enhanced block, with options of all kinds; `simple`: in simple blocks, which have no time. */
export function pcapng(
  packets: readonly Recorded[],
  { isBig = false, isNano = false, link = 101, isSimple = false }: Kind & { isSimple?: boolean } = {},
): Buffer {
  const { u16, u32 } = numbers(isBig)
  const block = (type: number, ...body: Buffer[]) => {
    const all = Buffer.concat(body)
    const padded = Buffer.concat([all, Buffer.alloc(-all.length & 3)])
    const length = u32(padded.length + 12)
    return Buffer.concat([u32(type), length, padded, length])
  }
  const option = (code: number, value: Buffer) =>
    Buffer.concat([u16(code), u16(value.length), value, Buffer.alloc(-value.length & 3)])
  const none = u32(0)
  const comment = option(1, Buffer.from('nobody reads this'))
  const section = block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), Buffer.alloc(8, 0xff), comment, none)
  const resolution = option(9, Buffer.from([isNano ? 9 : 6]))
  const one = block(1, u16(link), u16(0), u32(0), option(2, Buffer.from('eth0')), resolution, none)
  const names = block(4, Buffer.alloc(8))
  const blocks = packets.map(({ at = 0, bytes, length = bytes.length }) => {
    if (isSimple) return block(3, u32(length), bytes)
    const ticks = BigInt(Math.round(at * 1e6)) * (isNano ? 1_000n : 1n)
    const time = [u32(Number(ticks >> 32n)), u32(Number(ticks & 0xffffffffn))]
    const padding = Buffer.alloc(-bytes.length & 3)
    return block(6, u32(0), ...time, u32(bytes.length), u32(length), bytes, padding, comment, none)
  })
  return Buffer.concat([section, one, names, ...blocks])
}

/** Packets from so many seconds on, a hundredth apart. */
export function recorded(packets: readonly Outgoing[], from = 1_000_000): Recorded[] {
  return packets.map((packet, i) => ({ at: from + i / 100, bytes: encode(packet) }))
}

/** Both sides of a TCP connection that asks and is answered: handshake, a word each way, the end. */
export function session(client: string, server: string, port: number, from = 40_000): Outgoing[] {
  const up = (flags: number, data?: string): Outgoing => ({
    source: client,
    destination: server,
    tcp: port,
    from,
    flags,
    ...(data !== undefined && { data }),
  })
  const down = (flags: number, data?: string): Outgoing => ({
    source: server,
    destination: client,
    tcp: from,
    from: port,
    flags,
    ...(data !== undefined && { data }),
  })
  return [up(2), down(0x12), up(0x10), up(0x18, 'ask'), down(0x18, 'answer'), up(0x11), down(0x11), up(0x10)]
}

/** As Ethernet, with so many VLAN tags. */
export function ethernet(ip: Buffer, tags = 0): Buffer {
  const type = Buffer.from(ip[0]! >> 4 === 6 ? [0x86, 0xdd] : [8, 0])
  const tag = Buffer.from([0x81, 0, 0, 7])
  return Buffer.concat([Buffer.alloc(12, 2), ...Array.from({ length: tags }, () => tag), type, ip])
}

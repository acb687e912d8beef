/**
 * Capture files: pcap (either byte order, microseconds or nanoseconds) and pcapng, as tcpdump, Wireshark and dumpcap write them. Pure
 * and total: whatever the bytes are, there are frames, then a sentence where the file is at fault.
 *
 * Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 */

/** One packet as it was on its link. */
export interface Frame {
  /** From 1, as Wireshark counts. */
  readonly number: number
  /** Milliseconds since the epoch; undefined where the file does not tell. */
  readonly at: number | undefined
  /** https://www.tcpdump.org/linktypes.html */
  readonly link: number
  /** What was stored of it: perhaps not all. */
  readonly bytes: Buffer
}

/** Why nothing of the file, or not all, could be read: a sentence without its full stop. */
export interface Fault {
  /** Not even its beginning is understood. */
  readonly isRefused: boolean
  readonly why: string
}

/** More than any snap length: what claims it is damaged (MAXIMUM_SNAPLEN of libpcap). */
const FRAME_MAX = 262_144
/** Of one section of a pcapng file. */
export const INTERFACES_MAX = 1_024

const PCAP = { micro: 0xa1b2c3d4, nano: 0xa1b23c4d } as const
const PCAPNG = 0x0a0d0d0a
const BYTE_ORDER = 0x1a2b3c4d
const GZIP = 0x1f8b
/** Zstandard and xz begin so, too. */
const PACKED = [0x28b52ffd, 0xfd377a58, 0x04224d18]

/** Hands over each frame; returns what is wrong with the file, if anything is. */
export function readCaptureFile(bytes: Buffer, take: (frame: Frame) => void): Fault | undefined {
  if (bytes.length >= 2 && bytes.readUInt16BE(0) === GZIP) return refused(UNPACK)
  if (bytes.length < 4) return refused('it is too short for a capture file')
  const magic = bytes.readUInt32BE(0)
  if (PACKED.includes(magic)) return refused(UNPACK)
  if (magic === PCAPNG) return readPcapng(bytes, take)
  for (const isLittle of [true, false]) {
    const own = isLittle ? bytes.readUInt32LE(0) : magic
    if (own === PCAP.micro || own === PCAP.nano) return readPcap(bytes, isLittle, own === PCAP.nano, take)
  }
  return refused('it begins neither as pcap nor as pcapng: tcpdump -w and Wireshark write such files')
}

const UNPACK = 'it is compressed: unpack it first'

function refused(why: string): Fault {
  return { isRefused: true, why }
}

function ends(number: number, at: number, why: string): Fault {
  return { isRefused: false, why: `behind packet ${number}, at byte ${at}, ${why}` }
}

type Read = (at: number) => number

function readers(bytes: Buffer, isLittle: boolean): { readonly u16: Read; readonly u32: Read } {
  return isLittle
    ? { u16: at => bytes.readUInt16LE(at), u32: at => bytes.readUInt32LE(at) }
    : { u16: at => bytes.readUInt16BE(at), u32: at => bytes.readUInt32BE(at) }
}

function readPcap(
  bytes: Buffer,
  isLittle: boolean,
  isNano: boolean,
  take: (frame: Frame) => void,
): Fault | undefined {
  if (bytes.length < 24) return refused('its header is cut off')
  const { u32 } = readers(bytes, isLittle)
  // The upper half has other things: the length of a frame check sequence.
  const link = u32(20) & 0xffff
  let number = 0
  for (let at = 24; at < bytes.length; number++) {
    if (at + 16 > bytes.length) return ends(number, at, 'the file is cut off')
    const length = u32(at + 8)
    if (length > FRAME_MAX) return ends(number, at, `a packet claims ${length} bytes: the file is damaged`)
    const from = at + 16
    if (from + length > bytes.length) return ends(number, at, 'the file is cut off')
    take({
      number: number + 1,
      at: u32(at) * 1_000 + u32(at + 4) / (isNano ? 1e6 : 1e3),
      link,
      bytes: bytes.subarray(from, from + length),
    })
    at = from + length
  }
  return undefined
}

/** Of a section; `tick`: milliseconds of a unit of time. */
interface Interface {
  readonly link: number
  readonly snap: number
  readonly tick: number
}

interface Section {
  readonly u16: Read
  readonly u32: Read
  readonly interfaces: Interface[]
}

/** Types of blocks. What else there is, statistics, names, secrets, is stepped over. */
const BLOCK = { interface: 1, old: 2, simple: 3, enhanced: 6 } as const

function readPcapng(bytes: Buffer, take: (frame: Frame) => void): Fault | undefined {
  let section: Section | undefined
  let number = 0
  for (let at = 0; at < bytes.length; ) {
    if (at + 12 > bytes.length) return ends(number, at, 'the file is cut off')
    if (bytes.readUInt32BE(at) === PCAPNG) {
      section = sectionAt(bytes, at)
      if (section === undefined && number === 0 && at === 0) return refused('its header is damaged')
    }
    if (section === undefined) return ends(number, at, 'a section begins that cannot be read')
    const { u32, interfaces } = section
    const [type, length] = [u32(at), u32(at + 4)]
    if (length < 12 || length % 4 !== 0)
      return ends(number, at, `a block claims ${length} bytes: the file is damaged`)
    if (at + length > bytes.length) return ends(number, at, 'the file is cut off')
    const end = at + length - 4
    if (type === BLOCK.interface) {
      const one = interfaceOf(section, bytes, at, end)
      if (one === undefined || interfaces.length === INTERFACES_MAX)
        return ends(number, at, 'there is a damaged interface, or one too many')
      interfaces.push(one)
    } else if (type === BLOCK.enhanced || type === BLOCK.old || type === BLOCK.simple) {
      const frame = frameOf(section, type, bytes, at, end)
      if (typeof frame === 'string') return ends(number, at, frame)
      number += 1
      take({ number, ...frame })
    }
    at += length
  }
  return undefined
}

function sectionAt(bytes: Buffer, at: number): Section | undefined {
  if (at + 16 > bytes.length) return undefined
  const isLittle = bytes.readUInt32LE(at + 8) === BYTE_ORDER
  if (!isLittle && bytes.readUInt32BE(at + 8) !== BYTE_ORDER) return undefined
  const { u16, u32 } = readers(bytes, isLittle)
  // Major version 1 is the only one.
  return u16(at + 12) === 1 ? { u16, u32, interfaces: [] } : undefined
}

function interfaceOf({ u16, u32 }: Section, bytes: Buffer, at: number, end: number): Interface | undefined {
  if (at + 16 > end) return undefined
  let tick = 1e-3
  for (let option = at + 16; option + 4 <= end; ) {
    const [code, length] = [u16(option), u16(option + 2)]
    if (code === 0) break
    // if_tsresol: a power of 10, or of 2 where the highest bit is set.
    if (code === 9 && length === 1 && option + 4 < end) {
      const power = bytes[option + 4]!
      tick = 1_000 * (power & 0x80 ? 2 ** -(power & 0x7f) : 10 ** -power)
    }
    option += 4 + ((length + 3) & ~3)
  }
  return { link: u16(at + 8), snap: u32(at + 12), tick }
}

/** The frame of a block that ends there, or what is wrong with it. */
function frameOf(
  { u16, u32, interfaces }: Section,
  type: number,
  bytes: Buffer,
  at: number,
  end: number,
): Omit<Frame, 'number'> | string {
  const from = at + (type === BLOCK.simple ? 12 : 28)
  if (from > end) return 'a packet has no room for its own header: the file is damaged'
  const which = type === BLOCK.simple ? 0 : type === BLOCK.old ? u16(at + 8) : u32(at + 8)
  const one = interfaces[which]
  if (one === undefined) return 'a packet is of an interface that is not there: the file is damaged'
  const length =
    type === BLOCK.simple ? Math.min(u32(at + 8), one.snap || FRAME_MAX, end - from) : u32(at + 20)
  if (length > FRAME_MAX || from + length > end) return `a packet claims ${length} bytes: the file is damaged`
  return {
    at: type === BLOCK.simple ? undefined : (u32(at + 12) * 2 ** 32 + u32(at + 16)) * one.tick,
    link: one.link,
    bytes: bytes.subarray(from, from + length),
  }
}

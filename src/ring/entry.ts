/** What the ring remembers: the packets that were judged, with what became of them, and whatever else changed the daemon's mind. */
import type { Captured } from '../capture/capture.ts'
import { GUILTS, type Guilt, INNOCENCES, type Innocence } from '../judge/verdict.ts'
import { CHANNELS, type Channel } from '../terms/channel.ts'
import type { Fly } from '../terms/fly.ts'
import type { Context } from './context.ts'
import { type Block, type Interface, journalBlock, packetBlock, sectionOf } from './pcapng.ts'

export interface Seen {
  readonly entry: 'packet'
  /** Milliseconds since the epoch, as of its judgement. */
  readonly at: number
  readonly channel: Channel
  readonly hook: Captured['hook']
  /** From the IP header on. */
  readonly bytes: Uint8Array
  readonly because: Guilt | Innocence
  /** For how many seconds its source was locked out by it. */
  readonly lockout?: number | 'forever'
  /** Who was locked out by it, where that is not the source itself. */
  readonly fly?: Fly
  /** Its source was a fly already: the kernel had handed it over before. */
  readonly isAgain: boolean
  /** It was judged together with the one before. */
  readonly isSameBatch: boolean
}

/** What was done to flies otherwise; what nobody tells of is not known to `what-if`. */
export type Note =
  | { readonly note: 'began'; readonly context: Context }
  | { readonly note: 'changed'; readonly context: Context }
  /** Whom somebody wanted free, flies or not; and who was held, and is not any more: what counted against those is forgotten. */
  | { readonly note: 'freed' | 'let-go'; readonly sources: readonly Fly[] }
  | { readonly note: 'flushed' }
  | {
      readonly note: 'by-hand' | 'goes-on'
      readonly sources: readonly (readonly [Fly, number | 'forever'])[]
    }
  | { readonly note: 'clock'; readonly stepped: number }
  /** Since `since` so many packets and notes were not written: there were too many, or the disk was too slow. */
  | {
      readonly note: 'left-out'
      readonly since: number
      readonly tooMany: number
      readonly tooSlow: number
    }

export interface Noted {
  readonly entry: 'note'
  readonly at: number
  readonly what: Note
}
export type Entry = Seen | Noted

/** Bytes of a packet that are kept: all that decode() reads of it, unless it has extension headers, ... */
const SHORT_MAX = 128
/** ... of which the capture keeps so many. */
const LONG_MAX = 256

const ON: readonly Channel[] = [...CHANNELS, 'refused']
const INTERFACES: readonly Interface[] = [
  { name: 'offence', description: 'strangers at closed ports: held in the same packet' },
  { name: 'peer', description: 'what hosts that we talk to tried' },
  { name: 'known', description: 'what known clients tried' },
  { name: 'late', description: 'excusable, of strangers' },
  { name: 'known-late', description: 'excusable, of known clients' },
  { name: 'refused', description: 'refused by rules of others; made up, since only the ports are known' },
]
export const APPLICATION = 'flypaperd'

/** What each file begins with. */
export function headOf(version: string): Uint8Array {
  return sectionOf(`${APPLICATION} ${version}`, INTERFACES, LONG_MAX)
}

export function blockOfPacket(seen: Omit<Seen, 'entry'>): Uint8Array {
  const { bytes, channel, at } = seen
  const kept = bytes.subarray(0, isExtended(bytes) ? LONG_MAX : SHORT_MAX)
  return packetBlock(ON.indexOf(channel), at, kept, Math.max(kept.length, lengthOf(bytes)), commentOf(seen))
}

export function blockOfNote(note: Note, at: number): Uint8Array {
  const fields = {
    __REALTIME_TIMESTAMP: at * 1000,
    SYSLOG_IDENTIFIER: APPLICATION,
    MESSAGE: `the ring: ${note.note}`,
    FLYPAPERD: JSON.stringify(note),
  }
  return journalBlock(
    Object.entries(fields)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
}

/** Undefined for what no ring writes. */
export function entryOf(block: Block): Entry | undefined {
  return block.block === 'packet' ? packetOf(block) : noteOf(block.text)
}

/** `input closed-port lockout=600 same-batch` */
function commentOf({ hook, because, lockout, fly, isAgain, isSameBatch }: Omit<Seen, 'entry'>): string {
  const locked = lockout === undefined ? '' : ` lockout=${lockout}`
  const who = fly === undefined ? '' : ` fly=${fly}`
  return `${hook} ${because}${locked}${who}${isAgain ? ' again' : ''}${isSameBatch ? ' same-batch' : ''}`
}

const COMMENT =
  /^(input|forward|other) ([a-z-]+)(?: lockout=(\d{1,12}|forever))?(?: fly=([0-9a-f:./]+))?( again)?( same-batch)?$/
const BECAUSE: ReadonlySet<string> = new Set([...GUILTS, ...INNOCENCES])

function packetOf({
  interface: on,
  at,
  bytes,
  comment,
}: Extract<Block, { block: 'packet' }>): Seen | undefined {
  const channel = ON[on]
  const [, hook, because, lockout, fly, again, sameBatch] = COMMENT.exec(comment) ?? []
  if (channel === undefined || because === undefined || !BECAUSE.has(because)) return undefined
  return {
    entry: 'packet',
    at,
    channel,
    hook: hook as Captured['hook'],
    bytes,
    because: because as Guilt | Innocence,
    ...(lockout !== undefined && { lockout: lockout === 'forever' ? lockout : Number(lockout) }),
    ...(fly !== undefined && { fly: fly as Fly }),
    isAgain: again !== undefined,
    isSameBatch: sameBatch !== undefined,
  }
}

/** What stands there was written by root or the daemon: its shape is believed, its kind is looked at. */
function noteOf(lines: string): Noted | undefined {
  const fields = new Map(lines.split('\n').map(line => line.split(/=(.*)/s, 2) as [string, string]))
  const at = Number(fields.get('__REALTIME_TIMESTAMP')) / 1000
  try {
    const what = JSON.parse(fields.get('FLYPAPERD') ?? '') as Note
    return Number.isSafeInteger(at) && isNote(what) ? { entry: 'note', at, what } : undefined
  } catch {
    return undefined
  }
}

function isNote(what: Note): boolean {
  switch (what?.note) {
    case 'began':
    case 'changed':
      return typeof what.context?.settings === 'object' && typeof what.context.dryRun === 'boolean'
    case 'freed':
    case 'let-go':
      return isAll(what.sources, one => typeof one === 'string')
    case 'by-hand':
    case 'goes-on':
      return isAll(what.sources, one => typeof one?.[0] === 'string' && isEnd(one[1]))
    case 'clock':
      return typeof what.stepped === 'number'
    case 'left-out':
      return [what.since, what.tooMany, what.tooSlow].every(one => typeof one === 'number')
    case 'flushed':
      return true
    default:
      return false
  }
}

function isAll<T>(list: readonly T[], test: (one: T) => boolean): boolean {
  return Array.isArray(list) && list.every(test)
}

function isEnd(value: unknown): boolean {
  return value === 'forever' || typeof value === 'number'
}

/** IPv6 whose first next header is none of TCP, UDP, ICMPv6 and SCTP. */
function isExtended(bytes: Uint8Array): boolean {
  return bytes[0]! >> 4 === 6 && ![6, 17, 58, 132].includes(bytes[6]!)
}

/** As the IP header says. */
function lengthOf(bytes: Uint8Array): number {
  if (bytes[0]! >> 4 === 4) return (bytes[2]! << 8) | bytes[3]!
  return 40 + ((bytes[4]! << 8) | bytes[5]!)
}

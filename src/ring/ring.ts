/**
 * The ring: the last packets that the kernel handed over, on the disk, so that `what-if` can put them through other settings. It never
 * waits: one piece is on its way to the disk, the next is gathered, and what finds no room is counted. docs/decisions/0075-the-ring.md
 */
import type { Settings } from '../settings/settings.ts'
import type { Prefix } from '../terms/address.ts'
import type { Context } from './context.ts'
import { blockOfNote, blockOfPacket, headOf, type Note, type Seen } from './entry.ts'
import { joined } from './pcapng.ts'

export interface RingLimits {
  /** Of all files together. */
  readonly bytes: number
  /** What is older goes. */
  readonly ageMs: number
}

export interface RingReach {
  /** When the oldest file was begun, in milliseconds since the epoch; undefined: there is none. */
  readonly since: number | undefined
  readonly bytes: number
  /** What a person should know: a file that was damaged, or is none of ours. */
  readonly remarks: readonly string[]
}

/** The files: the port that system/ring-files.ts stands behind. Each call resolves when it is done, however long that takes. */
export interface RingFiles {
  /** Appends whole blocks; a file that is begun for them begins with `head`. What is too old or too much goes. */
  append(blocks: Uint8Array, head: Uint8Array, limits: RingLimits, now: number): Promise<RingReach>
  /** What is too old or too much goes. */
  prune(limits: RingLimits, now: number): Promise<RingReach>
  /** Takes out every packet from or to one of these, and their names; resolves to how many packets these were. */
  forget(prefixes: readonly string[]): Promise<number>
}

export interface RingStanding {
  readonly on: boolean
  readonly since?: number
  readonly bytes: number
  /** Packets and notes that were not written, since there were too many, ... */
  readonly tooMany: number
  /** ... or the disk was too slow. */
  readonly tooSlow: number
}

export interface Ring extends Disposable {
  readonly isOn: boolean
  /** From now on with these; the context changed. */
  follow(settings: Settings['ring'], context: () => Context): void
  saw(packet: Omit<Seen, 'entry'>): void
  note(note: Note): void
  /** To be called once a minute: also where nobody comes packets grow old, when it is off as well. */
  minute(): void
  /** Also those that are on their way to the disk. */
  forget(prefixes: readonly Prefix[]): Promise<number>
  standing(): RingStanding
}

export interface RingWorld {
  readonly files: RingFiles
  readonly version: string
  readonly now: () => number
  readonly alarm: (message: string) => void
  readonly remark: (sentence: string) => void
}

/** Written at once; a smaller piece waits so long for more. */
const PIECE_BYTES = 64 * 1024
const PIECE_MS = 1000
/** Bytes that wait for the disk; more are not remembered. */
export const RING_WAITING_MAX = 1_048_576
/** What led to no lockout may fill the ring once in so long, ... */
const FILL_MS = 86_400_000
/** ... but a quarter of it at once, after a quiet time. */
const BURST = 1 / 4
const GAP_EVERY_MS = 60_000

export function openRing({ files, version, now, alarm, remark }: RingWorld): Ring {
  const section = headOf(version)
  let limits: RingLimits = { bytes: 0, ageMs: 0 }
  let isOn = false
  let context: (() => Context) | undefined
  let said = ''
  let waiting: Uint8Array[] = []
  let waitingSince = 0
  let bytes = 0
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let reach: RingReach = { since: undefined, bytes: 0, remarks: [] }
  const budget = openBudget()
  const gaps = { tooMany: 0, tooSlow: 0 }
  let told = { ...gaps, at: now() }
  /** It is off, and nothing is left of when it was on. */
  let isEmpty = false

  function put(block: Uint8Array): void {
    if (bytes + block.length > RING_WAITING_MAX) {
      gaps.tooSlow++
      return
    }
    if (waiting.length === 0) waitingSince = now()
    waiting.push(block)
    bytes += block.length
    if (bytes >= PIECE_BYTES) write()
    else timer ??= setTimeout(write, PIECE_MS).unref()
  }

  /** Without the time of the last one, gaps would be told packet by packet. */
  function tellGaps(isLast = false): void {
    const [tooMany, tooSlow] = [gaps.tooMany - told.tooMany, gaps.tooSlow - told.tooSlow]
    const at = now()
    if (tooMany + tooSlow === 0) told.at = at
    else if (isLast || Math.abs(at - told.at) >= GAP_EVERY_MS) {
      const since = told.at
      told = { ...gaps, at }
      put(blockOfNote({ note: 'left-out', since, tooMany, tooSlow }, at))
    }
  }

  function write(): void {
    clearTimeout(timer)
    timer = undefined
    if (writing !== undefined) return
    tellGaps()
    const [blocks, count] = [joined(waiting), waiting.length]
    if (count > 0) writing = take(append(blocks), count, blocks.length)
  }

  function append(blocks: Uint8Array): Promise<RingReach> {
    waiting = []
    const head = joined([section, blockOfNote({ note: 'changed', context: context!() }, waitingSince)])
    return files.append(blocks, head, limits, now())
  }

  async function take(work: Promise<RingReach>, count = 0, size = 0): Promise<void> {
    try {
      const before = reach.remarks
      reach = await work
      isEmpty = !isOn && reach.bytes === 0
      for (const one of reach.remarks) if (!before.includes(one)) remark(one)
    } catch (error) {
      gaps.tooSlow += count
      if (isOn || count > 0) alarm(`the ring cannot be written, locking out goes on: ${String(error)}`)
    } finally {
      bytes -= size
      writing = undefined
      if (bytes > 0) write()
    }
  }

  return {
    get isOn() {
      return isOn
    },
    follow(settings, current) {
      const began = !isOn && settings.on
      isOn = settings.on
      context = current
      limits = { bytes: settings.size, ageMs: settings.age * 1000 }
      budget.limit(settings.size, now())
      if (!isOn) {
        write()
        return this.minute()
      }
      isEmpty = false
      const present = current()
      const text = JSON.stringify(present)
      if (began || text !== said)
        put(blockOfNote({ note: began ? 'began' : 'changed', context: present }, now()))
      said = text
    },
    saw(packet) {
      if (!isOn) return
      const block = blockOfPacket(packet)
      if (packet.lockout === undefined && !budget.take(block.length, packet.at)) gaps.tooMany++
      else put(block)
    },
    note(note) {
      if (!isOn) return
      const block = blockOfNote(note, now())
      if (budget.take(block.length, now())) put(block)
      else gaps.tooMany++
    },
    minute() {
      if (writing === undefined && !isEmpty) writing = take(files.prune(limits, now()))
    },
    async forget(prefixes) {
      while (writing !== undefined || waiting.length > 0) {
        write()
        await writing
      }
      return files.forget(prefixes.map(({ text }) => text))
    },
    standing: () => ({
      on: isOn,
      ...(reach.since !== undefined && { since: reach.since }),
      bytes: reach.bytes,
      ...gaps,
    }),
    [Symbol.dispose]() {
      if (isOn) tellGaps(true)
      isOn = false
      clearTimeout(timer)
      // Behind what is on its way: the disk does one after the other, and is waited for by whoever closes it.
      if (waiting.length > 0) append(joined(waiting)).catch(() => {})
      bytes = 0
    },
  }
}

/** What led to no lockout: strangers decide how much that is. In bytes, filled in time. */
function openBudget() {
  let [most, left, filledAt] = [0, 0, 0]
  return {
    limit(size: number, now: number): void {
      const full = size * BURST
      left = most === 0 ? full : Math.min(left, full)
      most = full
      filledAt = now
    },
    take(bytes: number, now: number): boolean {
      const passed = Math.max(0, now - filledAt)
      left = Math.min(most, left + (passed / FILL_MS) * (most / BURST))
      filledAt = now
      if (left < bytes) return false
      left -= bytes
      return true
    },
  }
}

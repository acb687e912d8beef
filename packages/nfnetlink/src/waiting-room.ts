/**
 * Packets between the socket and whoever takes them, in order, copied: the slots that they came in are overwritten. As bytes in
 * blocks, with no object for a packet while it waits; an empty room keeps one block.
 */
import type { NetfilterPacket } from './parse.ts'

export interface WaitingRoom {
  /** Packets that wait. */
  readonly count: number
  put(packet: NetfilterPacket): void
  /** The next ones, at most so many; their payloads are views that are valid until the next `put`. */
  take(most: number): NetfilterPacket[]
}

interface Block {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Where the next packet goes. */
  end: number
}

const BLOCK = 64 * 1024
/** Before each payload: its length, sequence and mark (32 bits each), group (16), hook (8), and which of two are there (8). */
const HEADER = 16
const HAS_SEQUENCE = 1
const HAS_MARK = 2

export function makeWaitingRoom(): WaitingRoom {
  const blocks: Block[] = []
  /** Where the next packet is in the first block. */
  let start = 0
  let count = 0

  /** The last block, or a new one if it has not so much room. */
  function blockFor(size: number): Block {
    const last = blocks.at(-1)
    if (last !== undefined && last.end + size <= last.bytes.length) return last
    const bytes = new Uint8Array(Math.max(BLOCK, size))
    const block = { bytes, view: new DataView(bytes.buffer), end: 0 }
    blocks.push(block)
    return block
  }

  return {
    get count() {
      return count
    },

    put({ group, hook, payload, mark, sequence }) {
      const block = blockFor(HEADER + payload.length)
      const { bytes, view, end } = block
      view.setUint32(end, payload.length)
      view.setUint32(end + 4, sequence ?? 0)
      view.setUint32(end + 8, mark ?? 0)
      view.setUint16(end + 12, group)
      view.setUint8(end + 14, hook)
      view.setUint8(
        end + 15,
        (sequence === undefined ? 0 : HAS_SEQUENCE) | (mark === undefined ? 0 : HAS_MARK),
      )
      bytes.set(payload, end + HEADER)
      block.end = end + HEADER + payload.length
      count++
    },

    take(most) {
      const packets: NetfilterPacket[] = []
      while (count > 0 && packets.length < most) {
        const { bytes, view, end } = blocks[0]!
        if (start === end) {
          blocks.shift()
          start = 0
          continue
        }
        const at = start
        const payloadAt = at + HEADER
        const has = view.getUint8(at + 15)
        start = payloadAt + view.getUint32(at)
        packets.push({
          group: view.getUint16(at + 12),
          hook: view.getUint8(at + 14),
          payload: bytes.subarray(payloadAt, start),
          mark: has & HAS_MARK ? view.getUint32(at + 8) : undefined,
          sequence: has & HAS_SEQUENCE ? view.getUint32(at + 4) : undefined,
        })
        count--
      }
      if (count === 0 && blocks.length > 0) {
        blocks[0]!.end = 0
        start = 0
      }
      return packets
    },
  }
}

/**
 * Memory for recvmmsg(2): room for `count` datagrams of at most `size` bytes, and the vector that describes it.
 *
 * The layout of mmsghdr and iovec is that of 64-bit Linux. The kernel writes only msg_flags and msg_len, so the
 * vector is made once. Both blocks are ArrayBuffers of their own: V8 never moves those.
 */
import koffi from 'koffi'
import { MSG_TRUNC } from './libc.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'

const MMSGHDR = 64
const IOVEC = 16
const MSG_IOV = 16
const MSG_IOVLEN = 24
const MSG_FLAGS = 48
const MSG_LEN = 56

export interface Slots {
  readonly count: number
  /** What recvmmsg is given. */
  readonly vector: Uint8Array
  /** The datagram that the last recvmmsg left in this slot: a view, overwritten by the next one. */
  datagram(slot: number): Uint8Array
  /** Whether it was longer than the slot. */
  truncated(slot: number): boolean
}

export function makeSlots(size: number, count: number): Slots {
  const memory = new Uint8Array(new ArrayBuffer(size * count))
  const vector = new Uint8Array(new ArrayBuffer((MMSGHDR + IOVEC) * count))
  const view = new DataView(vector.buffer)
  const iovecs = count * MMSGHDR
  for (let slot = 0; slot < count; slot++) {
    const iovec = iovecs + slot * IOVEC
    view.setBigUint64(slot * MMSGHDR + MSG_IOV, koffi.address(vector) + BigInt(iovec), HOST_LITTLE_ENDIAN)
    view.setBigUint64(slot * MMSGHDR + MSG_IOVLEN, 1n, HOST_LITTLE_ENDIAN)
    view.setBigUint64(iovec, koffi.address(memory) + BigInt(slot * size), HOST_LITTLE_ENDIAN)
    view.setBigUint64(iovec + 8, BigInt(size), HOST_LITTLE_ENDIAN)
  }
  return {
    count,
    vector,
    datagram(slot) {
      const length = Math.min(view.getUint32(slot * MMSGHDR + MSG_LEN, HOST_LITTLE_ENDIAN), size)
      return memory.subarray(slot * size, slot * size + length)
    },
    truncated(slot) {
      return (view.getInt32(slot * MMSGHDR + MSG_FLAGS, HOST_LITTLE_ENDIAN) & MSG_TRUNC) !== 0
    },
  }
}

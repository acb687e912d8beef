/**
 * Time that nobody can set: it follows CLOCK_BOOTTIME (clock_gettime(2)), which also counts while the machine is
 * suspended, and reads as the clock on the wall did when it began.
 */
import koffi, { type node as uv } from 'koffi'
import type { Clock } from '../history/clock.ts'

const CLOCK_MONOTONIC = 1
const CLOCK_BOOTTIME = 7

/** Less is taken over without a word; it frees nobody. */
const STEP_MS = 2000
const SLEEP_MS = 1000

export interface Hands {
  /** The clock on the wall, in milliseconds since the epoch. */
  wall(): number
  /** Milliseconds since boot, with and without the time in which the machine was suspended. */
  boottime(): number
  monotonic(): number
}

export function openClock(hands: Hands = realHands()): Clock {
  let offset = hands.wall() - hands.boottime()
  let slept = hands.boottime() - hands.monotonic()
  return {
    now: () => Math.round(hands.boottime() + offset),
    boottime: () => Math.round(hands.boottime()),
    slept: () => Math.round(hands.boottime() - hands.monotonic()),
    check() {
      const step = Math.round(hands.wall() - hands.boottime() - offset)
      const sleep = Math.round(hands.boottime() - hands.monotonic() - slept)
      offset += step
      slept += sleep
      return {
        stepped: Math.abs(step) > STEP_MS ? step : 0,
        slept: sleep > SLEEP_MS ? sleep : 0,
      }
    },
    watch: watchClock,
  }
}

const CLOCK_REALTIME = 0
const TFD_NONBLOCK_CLOEXEC = 0o2004000
const TFD_TIMER_ABSTIME = 1
const TFD_TIMER_CANCEL_ON_SET = 2
/** 9999-12-31, in seconds since the epoch: an alarm that never rings, but is cancelled when the clock is set. */
const NEVER = 253_402_300_799n

/** timerfd_create(2): the kernel cancels such an alarm when the clock was set, and after a suspension. */
function watchClock(onSet: () => void): Disposable {
  const libc = koffi.load(null)
  const create = libc.func('timerfd_create', 'int', ['int', 'int'])
  const settime = libc.func('timerfd_settime', 'int', ['int', 'int', 'void *', 'void *'])
  const read = libc.func('read', 'long', ['int', 'void *', 'size_t'])
  const close = libc.func('close', 'int', ['int'])
  const fd = create(CLOCK_REALTIME, TFD_NONBLOCK_CLOEXEC)
  if (fd < 0) return { [Symbol.dispose]() {} } // Seen once a minute, then.
  const never = new Uint8Array(new BigInt64Array([0n, 0n, NEVER, 0n]).buffer)
  const begin = () => settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, never, null)
  const rings = new Uint8Array(8)
  begin()
  // Keep the handle: koffi stops polling, silently, when it is collected.
  const handle: uv.PollHandle = koffi.node.poll(fd, { readable: true }, () => {
    read(fd, rings, rings.length)
    begin()
    onSet()
  })
  return {
    [Symbol.dispose]() {
      handle.close()
      close(fd)
    },
  }
}

function realHands(): Hands {
  const gettime = koffi.load(null).func('clock_gettime', 'int', ['int', 'void *'])
  const timespec = new BigInt64Array(2)
  const bytes = new Uint8Array(timespec.buffer)
  const read = (clock: number) => {
    gettime(clock, bytes)
    return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6
  }
  return {
    wall: Date.now,
    boottime: () => read(CLOCK_BOOTTIME),
    monotonic: () => read(CLOCK_MONOTONIC),
  }
}

/**
 * Time that nobody can set: it follows CLOCK_BOOTTIME (clock_gettime(2)), which also counts while the machine is
 * suspended, and reads as the clock on the wall did when it began.
 */
import koffi from 'koffi'
import type { Clock } from '../upkeep/time.ts'

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

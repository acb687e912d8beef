/**
 * Lines on their way to somebody who may be slow, or not there: they wait in memory and are offered again. What memory
 * does not keep is lost, counted, and told in their place once somebody reads again.
 */
import type { Outlet } from './outlet.ts'
import { pause } from './pause.ts'

/** Some ten thousand lines. */
export const WAITING_BYTES = 1_048_576

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 1000
/** The end of the program waits so long for whoever reads, and not longer. */
const LAST_PAUSES = 50
const LAST_PAUSE_MS = 10

export interface WaitingLines extends Disposable {
  write(line: Buffer): void
  /** Lines that were lost since the beginning. */
  lost(): number
}

/** `lossLine` makes what stands in the place of so many lost lines. */
export function waitingLines(
  open: (onRoom: () => void) => Outlet,
  lossLine: (lost: number) => Buffer,
): WaitingLines {
  const waiting: Buffer[] = []
  let bytes = 0
  let lost = 0
  let untold = 0
  let patience = FIRST_PAUSE_MS
  let retry: NodeJS.Timeout | undefined
  const outlet = open(flush)

  function keep(line: Buffer): void {
    waiting.push(line)
    bytes += line.length
  }

  /** Offers what waits, as far as it is taken. */
  function pass(): void {
    for (let line = waiting[0]; line !== undefined; line = waiting[0]) {
      const taken = outlet.offer(line)
      bytes -= taken
      if (taken > 0) patience = FIRST_PAUSE_MS
      if (taken < line.length) {
        waiting[0] = line.subarray(taken)
        return
      }
      waiting.shift()
    }
  }

  function flush(): void {
    clearTimeout(retry)
    retry = undefined
    pass()
    if (waiting.length === 0 && untold > 0) {
      keep(lossLine(untold))
      untold = 0
      pass()
    }
    if (waiting.length === 0) return
    retry = setTimeout(flush, patience).unref()
    patience = Math.min(2 * patience, LONGEST_PAUSE_MS)
  }

  return {
    write(line) {
      // As soon as some are lost, all are until what waits is out: so one sentence tells of many.
      if (untold > 0 || bytes + line.length > WAITING_BYTES) {
        untold++
        lost++
        return
      }
      keep(line)
      if (retry === undefined) flush()
    },
    lost: () => lost,
    [Symbol.dispose]() {
      for (let round = 0; round < LAST_PAUSES && !outlet.callsBack; round++) {
        flush()
        if (waiting.length === 0) break
        pause(LAST_PAUSE_MS)
      }
      if (outlet.callsBack) return
      clearTimeout(retry)
      outlet[Symbol.dispose]()
    },
  }
}

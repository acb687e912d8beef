/**
 * The account of the long test: what the kernel has handed over, and what became of it, over all daemons. Each entry
 * is made when nobody scans, and must balance.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { addFates, type Fates, offences, type Reading, readDaemon, sumOf } from '../support/books.ts'
import type { Installation } from '../support/daemon.ts'
import { PATIENCE } from '../support/process.ts'
import type { Host } from '../support/world.ts'

/** A daemon whose time was over. */
export interface Change {
  /** The last that was read of it. */
  readonly last: Reading
  /** What the kernel had handed over, when the next one listened. */
  readonly handedOver: number
}

export interface Balance {
  readonly offences: number
  readonly fates: Fates
  readonly missed: number
  readonly lost: number
  readonly lostAtMost: number
}

export interface Ledger {
  /** What the kernel had handed over at the last entry. */
  counted(): number
  /** Enters what has come since the last entry, when all of it was judged; `change` tells that the daemon is another one. */
  enter(deed: string, change?: Change): Promise<Reading>
  balance(): Balance
}

const NO_FATES: Fates = { lockout: 0, again: 0, 'hold only': 0, overflow: 0, spared: 0 }

export async function openLedger(gate: Host, flypaperd: Installation): Promise<Ledger> {
  let known = await readDaemon(flypaperd)
  let counted = await offences(gate)
  let closed = NO_FATES
  let [missed, lost, lostAtMost] = [0, 0, 0]

  /** When two readings are equal, and nothing is to come, or after 10 s. */
  async function quiet(isComplete: (reading: Reading) => boolean): Promise<Reading> {
    let before = -1
    for (const deadline = Date.now() + 10_000 * PATIENCE; ; await sleep(200)) {
      const reading = await readDaemon(flypaperd)
      if ((isComplete(reading) && reading.read === before) || Date.now() > deadline) return reading
      before = reading.read
    }
  }

  async function enterSame(deed: string, handedOver: number): Promise<Reading> {
    const accounted = ({ read, missed }: Reading) => read - known.read + missed - known.missed
    const reading = await quiet(reading => accounted(reading) === handedOver)
    assert.equal(accounted(reading), handedOver, `${deed}: read and handed over`)
    return reading
  }

  /** What the old daemon read after its last reading is not in the books; what came when the new one listened must be. */
  async function enterOther(deed: string, handedOver: number, change: Change): Promise<Reading> {
    const { last } = change
    const before = last.read - known.read + last.missed - known.missed
    const atMost = change.handedOver - counted - before
    const reading = await quiet(({ read, missed }) => read + missed >= handedOver - before - atMost)
    const unread = handedOver - before - reading.read - reading.missed
    assert.ok(unread >= 0 && unread <= atMost, `${deed}: ${unread} lost, at most ${atMost}`)
    assert.equal(sumOf(last.fates), last.read, `${deed}: exactly one fate each: ${JSON.stringify(last)}`)
    closed = addFates(closed, last.fates)
    missed += last.missed
    lost += unread
    lostAtMost += atMost
    return reading
  }

  return {
    counted: () => counted,
    async enter(deed, change) {
      const now = await offences(gate)
      const handedOver = now - counted
      known = await (change === undefined
        ? enterSame(deed, handedOver)
        : enterOther(deed, handedOver, change))
      assert.equal(sumOf(known.fates), known.read, `${deed}: exactly one fate each: ${JSON.stringify(known)}`)
      counted = now
      return known
    },
    balance: () => ({
      offences: counted,
      fates: addFates(closed, known.fates),
      missed: missed + known.missed,
      lost,
      lostAtMost,
    }),
  }
}

/**
 * Sums over lockouts, in one pass and in the order of time: to read a million rows takes less than to sort them in SQL.
 * The newest row of each source stands for it, so that nobody has to be remembered to be counted once.
 */

import { isAttack } from '../lockout/lockout.ts'
import { dayAround, dayText } from './day.ts'
import { numberOf, openNetworks } from './networks.ts'
import { count, largest, openHighest, TOP } from './top.ts'

/** Of each lockout since some moment, the oldest first. `latest` is 1 in the newest of a source, `stands` in its newest of a day. */
export type Counted = readonly [
  id: number,
  source: string,
  since: number,
  tried: string | null,
  number: number,
  times: number,
  latest: 0 | 1,
  because: string,
  stands: 0 | 1,
]

export interface Sums {
  /** Different sources each day of local time, `2026-11-24`, days without any left out. */
  readonly days: readonly { readonly day: string; readonly attackers: number }[]
  readonly lockouts: number
  readonly attackers: number
  readonly attackers6: number
  readonly ports: readonly { readonly proto: string; readonly number: number; readonly lockouts: number }[]
  /** IPv4: the /24, IPv6: the /48. */
  readonly networks: readonly { readonly network: string; readonly attackers: number }[]
  readonly repeaters: readonly { readonly source: string; readonly times: number }[]
  readonly reasons: readonly { readonly because: string; readonly lockouts: number }[]
}

const NUMBERS = 65_536

/** Gives way after each piece. `byHand`: sources whose newest lockout was by hand. They did not attack then, but may have before. */
export function* sumUp(
  pieces: Iterable<readonly Counted[]>,
  byHand: Set<string>,
  from: number,
): Generator<undefined, Sums> {
  const days = openDays(from)
  const networks = openNetworks()
  const repeaters = openHighest()
  const ports = new Map<string, Uint32Array>()
  const reasons = new Map<string, number>()
  let lockouts = 0
  let attackers = 0
  let attackers6 = 0
  function add([, source, since, tried, number, times, latest, because, stands]: Counted): void {
    count(reasons, because)
    if (!isAttack(because)) {
      if (stands === 1) days.addByHand(since, source)
      return
    }
    lockouts++
    const ip4 = numberOf(source)
    days.add(since, source, stands)
    if (latest === 1 || byHand.delete(source)) {
      attackers++
      if (ip4 === undefined) attackers6++
      networks.add(source, ip4)
    }
    if (times > 1) repeaters.add(source, times)
    if (tried === null) return
    if (!ports.has(tried)) ports.set(tried, new Uint32Array(NUMBERS))
    ports.get(tried)![number]!++
  }

  for (const rows of pieces) {
    rows.forEach(add)
    yield undefined
  }
  return {
    lockouts,
    attackers,
    attackers6,
    days: days.all(),
    ports: [...ports]
      .flatMap(([proto, counts]) =>
        largest(counts).map(({ index: number, count: lockouts }) => ({ proto, number, lockouts })),
      )
      .sort((one, other) => other.lockouts - one.lockouts || one.number - other.number)
      .slice(0, TOP),
    networks: networks.most(),
    repeaters: repeaters.all().map(([source, times]) => ({ source, times })),
    reasons: [...reasons]
      .map(([because, lockouts]) => ({ because, lockouts }))
      .sort((one, other) => other.lockouts - one.lockouts),
  }
}

/**
 * Different sources a day, each counted by the row that stands for it. Where that is one by hand, the attack was before it on the
 * same day: on a day that had begun at `from` already it is looked for.
 */
function openDays(from: number) {
  const days = new Map<string, { attackers: number }>()
  let today = { attackers: 0 }
  let superseded = new Set<string>()
  let [begins, ends] = [0, -1]
  function go(since: number): void {
    if (since >= begins && since <= ends) return
    ;({ begins, ends } = dayAround(since))
    const day = dayText(since)
    today = days.get(day) ?? { attackers: 0 }
    days.set(day, today)
    superseded = new Set()
  }
  return {
    add(since: number, source: string, stands: 0 | 1) {
      go(since)
      if (stands === 1) today.attackers++
      else if (begins < from) superseded.add(source)
    },
    addByHand(since: number, source: string) {
      go(since)
      if (begins >= from || superseded.has(source)) today.attackers++
    },
    all: () => [...days].map(([day, { attackers }]) => ({ day, attackers })),
  }
}

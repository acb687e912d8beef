/**
 * Sums over lockouts, in one pass and in the order of time: to read a million rows takes less than to sort them in SQL.
 * The newest row of each source stands for it, so that nobody has to be remembered to be counted once.
 */
import { count, largest, openHighest, TOP } from './counting.ts'
import { numberOf, openNetworks } from './networks.ts'

/** Of each lockout since some moment, the oldest first. `latest` is 1 in the newest of a source. */
export type Counted = readonly [
  id: number,
  source: string,
  since: number,
  tried: string | null,
  number: number,
  times: number,
  latest: 0 | 1,
  because: string,
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

/** `byHand`: sources whose newest lockout was by hand. They did not attack then, but may have before. */
export function sumUp(pieces: Iterable<readonly Counted[]>, byHand: Set<string>): Sums {
  const days = openDays()
  const networks = openNetworks()
  const repeaters = openHighest()
  const ports = new Map<string, Uint32Array>()
  const reasons = new Map<string, number>()
  let lockouts = 0
  let attackers = 0
  let attackers6 = 0
  function add([, source, since, tried, number, times, latest, because]: Counted): void {
    count(reasons, because)
    if (because === 'by-hand') return
    lockouts++
    const ip4 = numberOf(source)
    days.add(since, ip4 ?? source, latest)
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

  for (const rows of pieces) rows.forEach(add)
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
 * Different sources a day. Whoever comes again is remembered for the day, and after his newest row nobody does. Where the clock
 * was set back by days, who came before and after counts twice on that day.
 */
function openDays() {
  const days = new Map<string, { attackers: number }>()
  let today = { attackers: 0 }
  let returning = new Set<number | string>()
  let begins = 0
  let ends = 0
  return {
    add(since: number, source: number | string, latest: 0 | 1) {
      if (since < begins || since >= ends) {
        const date = new Date(since)
        const [year, month, dayOfMonth] = [date.getFullYear(), date.getMonth(), date.getDate()]
        begins = new Date(year, month, dayOfMonth).getTime()
        ends = new Date(year, month, dayOfMonth + 1).getTime()
        const day = [year, month + 1, dayOfMonth].map(part => String(part).padStart(2, '0')).join('-')
        today = days.get(day) ?? { attackers: 0 }
        days.set(day, today)
        returning = new Set()
      }
      if (returning.has(source)) return
      if (latest === 0) returning.add(source)
      today.attackers++
    },
    all: () => [...days].map(([day, { attackers }]) => ({ day, attackers })),
  }
}

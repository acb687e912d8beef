/** What happened beside what would have: source by source. Pure. */
import { endOf } from '../lockout/lockout.ts'
import type { Fly } from '../terms/fly.ts'
import type { Visit, Visits } from './visits.ts'

/** `moved`: for as long, but at another time. */
export const CHANGES = ['new', 'longer', 'moved', 'shorter', 'gone'] as const
export type ChangeKind = (typeof CHANGES)[number]

export interface Changed {
  readonly source: Fly
  readonly change: ChangeKind
  readonly happened: readonly Visit[]
  readonly would: readonly Visit[]
}

export interface Compared {
  /** The greatest differences first. */
  readonly changes: readonly Changed[]
  /** Sources of which both say the same. */
  readonly same: number
  readonly happened: Sum
  readonly would: Sum
}

export interface Sum {
  readonly sources: number
  readonly lockouts: number
}

/** Of lockouts since then, in milliseconds since the epoch. */
export function compare(happened: Visits, would: Visits, since: number): Compared {
  const changes: { readonly changed: Changed; readonly by: number }[] = []
  const sums = { happened: { sources: 0, lockouts: 0 }, would: { sources: 0, lockouts: 0 } }
  let same = 0
  for (const source of new Set([...happened.of.keys(), ...would.of.keys()])) {
    const [was, is] = [happened, would].map(visits =>
      (visits.of.get(source) ?? []).filter(visit => visit.since >= since),
    ) as [Visit[], Visit[]]
    for (const [sum, visits] of [
      [sums.happened, was],
      [sums.would, is],
    ] as const)
      if (visits.length > 0) {
        sum.sources++
        sum.lockouts += visits.length
      }
    const change = changeOf(was, is)
    if (change !== undefined)
      changes.push({ changed: { source, change, happened: was, would: is }, by: difference(was, is) })
    else if (was.length > 0) same++
  }
  changes.sort((one, other) => (other.by > one.by ? 1 : other.by < one.by ? -1 : 0))
  return { changes: changes.map(({ changed }) => changed), same, ...sums }
}

function changeOf(was: readonly Visit[], is: readonly Visit[]): ChangeKind | undefined {
  if (was.length === 0 && is.length === 0) return undefined
  if (was.length === 0) return 'new'
  if (is.length === 0) return 'gone'
  const [before, after] = [lengthOf(was), lengthOf(is)]
  if (after !== before) return after > before ? 'longer' : 'shorter'
  const isSame = was.length === is.length && was.every(({ since }, i) => since === is[i]!.since)
  return isSame ? undefined : 'moved'
}

/** Milliseconds of all of them; for ever is infinite. */
export function lengthOf(visits: readonly Visit[]): number {
  return visits.reduce((sum, { since, until }) => sum + endOf(until) - since, 0)
}

function difference(was: readonly Visit[], is: readonly Visit[]): number {
  const by = Math.abs(lengthOf(is) - lengthOf(was))
  return Number.isNaN(by) ? 0 : by
}

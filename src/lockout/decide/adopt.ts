/** What somebody has put into the kernel's set becomes flies by hand; whoever is never locked out is taken out again. Pure. */
import type { TimedFly } from '../../arm/flies.ts'
import type { Fly } from '../../terms/fly.ts'
import type { Flies } from '../flies.ts'
import type { Lockout, Memory } from '../lockout.ts'
import { type Decision, decision } from './decision.ts'
import { type Spared, sparedAmong } from './leave.ts'

export interface Adopting {
  readonly flies: Flies
  readonly spared: Spared
  readonly pastOf: Memory['pastOf']
}

/** `refused` are those who are taken out again. */
export function adopt(
  found: readonly TimedFly[],
  by: string,
  { flies, spared, pastOf }: Adopting,
  now: number,
): { readonly decision: Decision; readonly refused: readonly Fly[] } {
  const names = found.map(({ fly }) => fly)
  const refused = sparedAmong(names, spared)
  const out = new Set(refused)
  const unknown = found.filter(({ fly }) => !out.has(fly) && flies.get(fly, now) === undefined)
  const before = pastOf(unknown.map(({ fly }) => fly))
  const adopted = unknown.map(
    ({ fly, seconds }): Lockout => ({
      source: fly,
      because: 'by-hand',
      grade: 'by-hand',
      by,
      since: now,
      until: seconds === undefined ? 'forever' : now + seconds * 1000,
      times: (before.get(fly)?.times ?? 0) + 1,
    }),
  )
  return { decision: decision({ evict: refused, adopt: adopted }), refused }
}

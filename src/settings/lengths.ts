/** How long lockouts last, as [lockout] says: what is not written follows from what is. */
import type * as z from 'zod'
import { parseDuration, type Seconds } from '../terms/duration.ts'
import { report } from './bridge.ts'
import * as kinds from './kinds.ts'
import type { Forever, Settings } from './settings.ts'

/** [lockout] as it was read; undefined is what was not written. */
interface Written {
  readonly first: Length
  readonly several?: Length | undefined
  readonly many?: Length | undefined
  readonly longest_forgeable?: Length | undefined
  readonly many_ports: number
  readonly remember: Seconds
  readonly while_trying: boolean
  readonly whole_prefixes: boolean
  readonly factor?: number | undefined
  readonly longest?: Length | undefined
}

/** `factor` was how many times longer each further lockout was, and `longest` where that ended. */
export function lengthsOf({ factor, longest, ...lockout }: Written): Settings['lockout'] {
  const { first, many_ports, remember, while_trying, whole_prefixes } = lockout
  const times = (by: number | undefined, otherwise: Seconds): Length =>
    by === undefined
      ? longestOf(first, otherwise)
      : first === 'forever'
        ? first
        : shortestOf((first * by) as Seconds, DAY)
  const cap = longest ?? 'forever'
  const several = lockout.several ?? shortestOf(times(factor, HOUR), lockout.many ?? cap, cap)
  const many = lockout.many ?? shortestOf(longestOf(several, times(factor && factor ** 2, DAY)), cap)
  const longestForgeable = lockout.longest_forgeable ?? longestOf(many, DAY)
  return {
    first,
    several,
    many,
    manyPorts: many_ports,
    remember,
    longestForgeable: shortestOf(longestForgeable, cap),
    whileTrying: while_trying,
    wholePrefixes: whole_prefixes,
  }
}

type Length = Seconds | Forever

const HOUR = parseDuration('1h')!
const DAY = parseDuration('1d')!

/** Each is as long as those before it, where they are written. */
const ORDER = ['first', 'several', 'many', 'longest_forgeable'] as const

export function notShorter(
  lengths: Readonly<Partial<Record<string, unknown>>>,
  context: z.RefinementCtx,
): void {
  for (const [i, name] of ORDER.entries()) {
    const length = lengths[name]
    if (!isLength(length)) continue
    const before = ORDER.slice(0, i).filter(one => isLength(lengths[one]))
    const needed = longestOf(length, ...before.map(one => lengths[one] as Length))
    if (needed === length) continue
    const longer = before.findLast(one => lengths[one] === needed)!
    const text = needed === 'forever' ? needed : kinds.exactly(needed)
    const problem = `is shorter than ${longer}, which is "${text}"`
    report(context, { problem, write: JSON.stringify(text) }, { path: [name], isAcross: true })
  }
}

/** The longest of them; "forever" is longer than any. */
function longestOf<T extends Length>(...lengths: T[]): T {
  return lengths.reduce((one, other) =>
    other === 'forever' || (one !== 'forever' && other > one) ? other : one,
  )
}

function shortestOf<T extends Length>(...lengths: T[]): T {
  return lengths.reduce((one, other) => (longestOf(one, other) === one ? other : one))
}

function isLength(value: unknown): value is Length {
  return value === 'forever' || typeof value === 'number'
}

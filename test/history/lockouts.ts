/** Lockouts to test with. */
import type { Lockout } from '../../src/lockout/lockout.ts'
import type { Fly } from '../../src/terms/fly.ts'

export const SINCE = Date.parse('2026-01-02T03:04:05Z')
export const HOUR = 3_600_000

type Names = 'source' | 'packetSource' | 'forwardedTo'
type Changes = Partial<Omit<Lockout, Names> & Record<Names, string>>

/** The lockout of 2006, an hour long, with changes. */
export function lockout(changes: Changes = {}): Lockout {
  return {
    source: '69.0.231.79',
    packetSource: changes.source ?? '69.0.231.79',
    tried: { kind: 'tcp', port: 20000, from: 51000, flags: 2 },
    hook: 'input',
    because: 'closed-port',
    grade: changes.because === 'by-hand' ? 'by-hand' : 'forgeable',
    since: SINCE,
    until: (changes.since ?? SINCE) + HOUR,
    times: 1,
    ...changes,
  } as Lockout
}

export function fly(text: string): Fly {
  return text as Fly
}

/** The n-th of many different sources. */
export function sourceOf(n: number): Fly {
  return fly(`10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`)
}

/** `size` lockouts of different sources, from the n-th on. */
export function batch(first: number, size: number): Lockout[] {
  return Array.from({ length: size }, (_, i) =>
    lockout({ source: sourceOf(first + i), since: SINCE + first + i }),
  )
}

/** Who was, or would be, locked out when, and for how long. */
import { endOf } from '../lockout/lockout.ts'
import type { Fly } from '../terms/fly.ts'

export interface Visit {
  /** Milliseconds since the epoch. */
  since: number
  until: number | 'forever'
  readonly because: string
  /** What counted against it, as whatOf() writes it. */
  readonly tried: readonly string[]
}

export interface Visits {
  readonly of: ReadonlyMap<Fly, readonly Visit[]>
  add(source: Fly, visit: Visit): void
  /** The one that is in force then. */
  last(source: Fly, at: number): Visit | undefined
  /** The clock was set by so many milliseconds. */
  shift(ms: number, at: number): void
  /** Whoever is in for longer than that is not any more. */
  end(sources: Iterable<Fly>, at: number): void
}

export function openVisits(): Visits {
  const of = new Map<Fly, Visit[]>()
  const last = (source: Fly, at: number) => {
    const visit = of.get(source)?.at(-1)
    return visit !== undefined && endOf(visit.until) > at ? visit : undefined
  }
  return {
    of,
    add(source, visit) {
      const before = of.get(source)
      if (before === undefined) of.set(source, [visit])
      else before.push(visit)
    },
    last,
    shift(ms, at) {
      for (const source of of.keys()) {
        const visit = last(source, at)
        if (visit === undefined) continue
        visit.since += ms
        if (visit.until !== 'forever') visit.until += ms
      }
    },
    end(sources, at) {
      for (const source of sources) {
        const visit = last(source, at)
        if (visit !== undefined) visit.until = at
      }
    },
  }
}

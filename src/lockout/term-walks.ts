/** Walks over all places of a table of terms: a million take a millisecond, so nobody need be counted as he comes and goes. */
import type { Fly } from '../terms/fly.ts'
import type { PrefixSet } from '../terms/prefix-set.ts'
import { flyOfKey } from './fly-key.ts'
import type { TermTable } from './term-table.ts'

/** How many have time left. */
export function lasting({ until, end }: TermTable, now: number): number {
  let count = 0
  for (let place = 0; place < end; place++) if (until[place]! > now) count++
  return count
}

/** The flies at so many places whose time is not over, and who overlap one of the prefixes. */
export function within(
  table: TermTable,
  from: number,
  count: number,
  prefixes: PrefixSet,
  now: number,
): readonly Fly[] {
  const found: Fly[] = []
  const end = Math.min(from + count, table.end)
  for (let place = from; place < end; place++) {
    if (!(table.until[place]! > now)) continue
    const key = table.keyAt(place)
    if (prefixes.meets(key)) found.push(flyOfKey(key))
  }
  return found
}

interface Ending {
  readonly table: TermTable
  readonly place: number
  readonly until: number
}

/** At most so many, whose time ends first and before `before`. Of those that were looked at, only the first are kept. */
export function firstToEnd(tables: readonly TermTable[], most: number, before: number): Fly[] {
  let kept: Ending[] = []
  let bar = before
  const sort = () => {
    kept = kept.sort((one, other) => one.until - other.until).slice(0, most)
  }
  for (const table of tables)
    for (let place = 0; place < table.end; place++) {
      const until = table.until[place]!
      if (!(until < bar)) continue
      kept.push({ table, place, until })
      if (kept.length < 2 * most) continue
      sort()
      bar = kept.at(-1)!.until
    }
  sort()
  return kept.map(({ table, place }) => flyOfKey(table.keyAt(place)))
}

/** Walks over all places of a table of terms: a million take a millisecond, so nobody need be counted as he comes and goes. */
import type { Prefix } from '../terms/address.ts'
import type { Fly } from '../terms/fly.ts'
import { flyOfKey } from './fly-key.ts'
import type { TermTable } from './term-table.ts'

/** How many have time left. */
export function lasting({ until, end }: TermTable, now: number): number {
  let count = 0
  for (let place = 0; place < end; place++) if (until[place]! > now) count++
  return count
}

/** The flies within the prefix, or around it. */
export function within(table: TermTable, { first, last }: Prefix): Fly[] {
  const hostBits = BigInt(table.words === 1 ? 0 : 128 - 32 * table.words)
  const [lowest, highest] = [first, last].map(end => Number(table.words === 1 ? end : end >> 96n))
  const found: Fly[] = []
  for (let place = 0; place < table.end; place++) {
    if (Number.isNaN(table.until[place])) continue
    const key = table.keyAt(place)
    // Most are told apart by their first word, without a BigInt.
    if (key[0]! < lowest! || key[0]! > highest!) continue
    let number = 0n
    for (const word of key) number = (number << 32n) | BigInt(word)
    if (first <= ((number + 1n) << hostBits) - 1n && number << hostBits <= last) found.push(flyOfKey(key))
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

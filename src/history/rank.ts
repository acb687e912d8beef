/**
 * Who makes room in a full history. What a stranger has in it by one packet displaces only its own kind; what cost more, or
 * what a person did, is displaced by its own kind and by what ranks higher (docs/decisions/0038-who-makes-room.md).
 *
 * The column `rank` of schema.ts tells the rank of a row; a single has none there, so that the many cost no index entry:
 * - `person`: locked out by somebody by name, or freed by one. Not what flypaperd does by itself, nor what was found in or missing from
 *   the kernel's sets without a name: strangers can cause both. Not a flush, which names nobody.
 * - `ports`: three different closed ports of a host in use or a known client.
 * - `again`: somebody who came more than once, each time of him; a stranger by several ports, which two or three forged packets explain as
 *   well; by hand, but of nobody known.
 * - `single`: all others, each of which one forged packet explains.
 */
export const RANKS = ['single', 'again', 'ports', 'person'] as const

/** How many rows of each rank there are, in the order of RANKS. */
export type Counts = readonly number[]

/**
 * How many of each rank have to go so that at most `most` stay. Each rank has a quarter of them for sure, and as much more as
 * the others leave; what is too much goes from the lowest rank that has more than that. No rank makes room for a lower one as
 * long as it and those above have no more than their quarters.
 */
export function surplusOf(counts: Counts, most: number): Counts {
  const share = most / RANKS.length
  const left = [...counts]
  return counts.map((count, rank) => {
    const surplus = sum(left) - most
    const withLower = sum(left.slice(0, rank + 1)) - (rank + 1) * share
    const withHigher = sum(left.slice(rank)) - (RANKS.length - rank) * share
    const going = Math.max(0, Math.min(surplus, count, Math.ceil(withLower), Math.ceil(withHigher)))
    left[rank] = count - going
    return going
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** What is frequent, and what is high, among very many. */

/** So many are told. */
export const TOP = 10

/** The sources with the highest numbers, each with its highest. */
export function openHighest() {
  let known = new Map<string, number>()
  let least = 0
  const best = () => [...known].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1)).slice(0, TOP)
  return {
    add(source: string, number: number) {
      if (number < least || (known.get(source) ?? 0) >= number) return
      known.set(source, number)
      if (known.size < 100 * TOP) return
      known = new Map(best())
      least = Math.min(...known.values())
    },
    all: best,
  }
}

/** Indexes of the largest counts, the largest first. */
export function largest(counts: Uint16Array | Uint32Array): { index: number; count: number }[] {
  const found: { index: number; count: number }[] = []
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index]!
    if (count === 0 || (found.length === TOP && count <= found[TOP - 1]!.count)) continue
    found.splice(TOP - 1)
    found.push({ index, count })
    found.sort((one, other) => other.count - one.count)
  }
  return found
}

/** One more of this. */
export function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

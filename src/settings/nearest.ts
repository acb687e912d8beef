/** The candidate that was probably meant by a misspelt word; undefined when none is near. Case, - and _ do not count. */
export function nearest<const T extends string>(word: string, candidates: readonly T[]): T | undefined {
  const written = plain(word).slice(0, 64)
  let best: T | undefined
  let least = Math.max(1, Math.round(written.length * 0.4)) + 1
  for (const candidate of candidates) {
    const steps = distance(written, plain(candidate))
    if (steps >= least) continue
    best = candidate
    least = steps
  }
  return best
}

function plain(word: string): string {
  return word.trim().toLowerCase().replace(/[-_]/g, '')
}

/** How many letters must be put in, taken out or changed (Levenshtein), row by row. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1]
    for (let j = 0; j < other.length; j++) {
      const change = row[j]! + (letter === other[j] ? 0 : 1)
      next.push(Math.min(change, row[j + 1]! + 1, next[j]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}

/** How often a value was how large, in a few buckets. */
export interface Histogram {
  /** Upper bounds, ascending, each with how many values were at most that. */
  readonly buckets: readonly { readonly atMost: number; readonly count: number }[]
  readonly count: number
  readonly sum: number
}

export interface Gauge {
  add(value: number): void
  read(): Histogram
}

export function openHistogram(bounds: readonly number[]): Gauge {
  const counts = bounds.map(() => 0)
  let count = 0
  let sum = 0
  return {
    add(value) {
      count++
      sum += value
      const bucket = bounds.findIndex(bound => value <= bound)
      if (bucket >= 0) counts[bucket]!++
    },
    read() {
      let below = 0
      const buckets = bounds.map((atMost, i) => {
        below += counts[i]!
        return { atMost, count: below }
      })
      return { buckets, count, sum }
    },
  }
}

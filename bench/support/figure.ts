/** What a measurement brings home: numbers of several runs, beside those of something else. Pure. */

export interface Effort {
  /** How often everything is repeated. */
  readonly runs: number
  /** Which part of the packets and sources: 1 is all of them. */
  readonly scale: number
}

export interface Figure {
  /** What was measured: `CPU s per 1,000 lockouts, by queue`. */
  readonly what: string
  readonly unit: string
  /** flypaperd's, one a run. */
  readonly runs: readonly number[]
  /** The same of others, in the same runs. */
  readonly beside?: readonly Beside[]
  readonly wanted?: Wanted
}

export interface Beside {
  readonly name: string
  readonly runs: readonly number[]
}

/** Where we want to be: a bound of the value itself, or of its ratio to one that stands beside it. */
export interface Wanted {
  readonly bound: 'at most' | 'at least'
  readonly value: number
  /** The name of whom it is compared with; without one the bound is absolute. */
  readonly timesOf?: string
}

/** The middle of the runs; of an even number of runs the mean of the two in the middle. */
export function median(runs: readonly number[]): number {
  const sorted = runs.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How far apart the runs are, as a part of their median: the noise. */
export function spread(runs: readonly number[]): number {
  if (runs.length < 2) return Number.NaN
  const middle = median(runs)
  return middle === 0 ? 0 : (Math.max(...runs) - Math.min(...runs)) / Math.abs(middle)
}

/** flypaperd's share of the other's, run by run where there are as many: what disturbs a run disturbs both. */
export function ratio(runs: readonly number[], others: readonly number[]): number {
  if (runs.length !== others.length) return median(runs) / median(others)
  return median(runs.map((run, i) => run / others[i]!))
}

/** Whether the figure is where we want it to be; undefined when nothing is wanted. */
export function isReached({ runs, beside = [], wanted }: Figure): boolean | undefined {
  if (wanted === undefined) return undefined
  const { bound, value, timesOf } = wanted
  const other = beside.find(({ name }) => name === timesOf)
  if (timesOf !== undefined && other === undefined) return undefined
  const is = other === undefined ? median(runs) : ratio(runs, other.runs)
  return bound === 'at most' ? is <= value : is >= value
}

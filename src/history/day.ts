/** Days of local time, in which the totals of the history are told. */

export interface Day {
  /** Its first and its last millisecond since the epoch. */
  readonly begins: number
  readonly ends: number
}

export function dayAround(ms: number): Day {
  const date = new Date(ms)
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
  return { begins: new Date(year, month, day).getTime(), ends: new Date(year, month, day + 1).getTime() - 1 }
}

/** `2026-11-24`. */
export function dayText(ms: number): string {
  const date = new Date(ms)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map(part => String(part).padStart(2, '0'))
    .join('-')
}

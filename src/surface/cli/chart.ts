/** A small bar chart in characters. */
import { paint, type Terminal } from './terminal.ts'

const WIDEST = 60

/** One line a bar: label, number, bar. On a pipe, bars are as long as on a terminal of 80 columns. */
export function barChart(
  bars: readonly (readonly [label: string, value: number])[],
  terminal: Terminal,
): string[] {
  const most = Math.max(1, ...bars.map(([, value]) => value))
  const labels = Math.max(...bars.map(([label]) => label.length))
  const digits = String(most).length
  const room = Math.max(
    1,
    Math.min(WIDEST, (terminal.isTerminal ? terminal.columns : 80) - labels - digits - 5),
  )
  const mark = terminal.isUnicode ? '█' : '#'
  return bars.map(([label, value]) => {
    // Whoever was there at all is seen.
    const length = value === 0 ? 0 : Math.max(1, Math.round((value / most) * room))
    const bar = length === 0 ? '' : paint(terminal, 'green', mark.repeat(length))
    return `  ${label.padEnd(labels)}  ${String(value).padStart(digits)}  ${bar}`.trimEnd()
  })
}

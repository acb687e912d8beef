/** What a command knows of the trap, with a daemon and without. */
import { INPUT, type StatusLine } from '../status-lines.ts'
import type { Metric } from './text.ts'

/** With a daemon it tells itself whether the trap is armed (metrics.ts). */
export function stateMetrics(isUp: boolean, lines: readonly StatusLine[]): readonly Metric[] {
  return [
    { name: 'up', help: 'Whether the daemon answers.', type: 'gauge', samples: [[{}, Number(isUp)]] },
    ...(isUp || lines.length === 0 ? [] : [armedMetric(lines)]),
    ...(lines.length === 0 ? [] : [statusMetric(lines)]),
  ]
}

/** As the line of `status` has it. */
export function armedMetric(lines: readonly StatusLine[]): Metric {
  const isArmed = lines.some(({ label, ok }) => label === INPUT && ok)
  const help = 'Whether the trap is armed, and as it should be: 1, else 0.'
  return { name: 'armed', help, type: 'gauge', samples: [[{}, Number(isArmed)]] }
}

function statusMetric(lines: readonly StatusLine[]): Metric {
  return {
    name: 'status_ok',
    help: 'Whether a line of flypaperd status says OK: 1, else 0.',
    type: 'gauge',
    samples: lines.map(({ label, ok }) => [{ line: label }, Number(ok)]),
  }
}

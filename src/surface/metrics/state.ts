/** What a command knows of the trap, with a daemon and without. */
import type { StatusLine } from '../status-lines.ts'
import type { Metric } from './text.ts'

export function stateMetrics(isUp: boolean, lines: readonly StatusLine[]): readonly Metric[] {
  return [
    { name: 'up', help: 'Whether the daemon answers.', type: 'gauge', samples: [[{}, Number(isUp)]] },
    {
      name: 'status_ok',
      help: 'Whether a line of flypaperd status says OK: 1, else 0.',
      type: 'gauge',
      samples: lines.map(({ label, ok }) => [{ line: label }, Number(ok)]),
    },
  ]
}

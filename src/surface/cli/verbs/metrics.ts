import { EXIT } from '../../../terms/failure.ts'
import { reachDaemon } from '../../control/client.ts'
import { stateMetrics } from '../../metrics/state.ts'
import { metricsText } from '../../metrics/text.ts'
import type { Verb } from '../verb.ts'
import { linesOf } from './status.ts'

export const metrics: Verb = {
  name: 'metrics',
  summary: 'the counters, and whether the trap is well, as Prometheus reads them',
  options: [],
  details:
    'For the textfile collector of the node exporter, where nothing can reach the socket. Without a daemon it takes root, and says that none answers.',
  examples: ['sudo flypaperd metrics'],
  exits: { [EXIT.ok]: 'they are printed, also when the daemon is not running' },
  async run(call) {
    const daemon = await reachDaemon(call.system.socket, 'metrics')
    const lines = daemon === undefined ? linesOf(call) : await daemon.health()
    const counters = (await daemon?.counters()) ?? ''
    call.print((metricsText(stateMetrics(daemon !== undefined, lines)) + counters).trimEnd())
    return EXIT.ok
  },
}

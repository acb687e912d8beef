import { EXIT, type ExitStatus, Failure } from '../../../terms/failure.ts'
import { reachDaemon } from '../../control/client.ts'
import { stateMetrics } from '../../metrics/state.ts'
import { metricsText } from '../../metrics/text.ts'
import type { StatusLine } from '../../status-lines.ts'
import type { Call, Verb } from '../verb.ts'
import { linesOf } from './status.ts'

export const metrics: Verb = {
  name: 'metrics',
  summary: 'the counters, and whether the trap is well, as Prometheus reads them',
  options: [
    {
      flags: '--textfile <file>',
      what: 'write them there, whole or not at all, for the textfile collector of the node exporter',
    },
  ],
  details:
    'Where nothing can reach the socket, the textfile collector of the node exporter reads the file that --textfile names: its name must end in .prom, everybody may read it, and it is replaced in one step. Without a daemon it says flypaperd_up 0 and, where the kernel may be asked, as root, whether the trap is armed.',
  examples: [
    'sudo flypaperd metrics',
    'sudo flypaperd metrics --textfile /var/lib/prometheus/node-exporter/flypaperd.prom',
  ],
  exits: {
    [EXIT.ok]:
      'they are printed, also when the daemon is not running; with --textfile they are written, and it runs',
    [EXIT.notRunning]: 'with --textfile: they are written, and the daemon is not running',
  },
  async run(call) {
    const { textfile } = call.options
    if (textfile === undefined) {
      call.print((await textOf(call, linesOf)).text.trimEnd())
      return EXIT.ok
    }
    return await writeTo(String(textfile), call)
  },
}

async function writeTo(file: string, call: Call): Promise<ExitStatus> {
  if (!file.endsWith('.prom'))
    throw new Failure('--textfile takes a file whose name ends in .prom', {
      exit: EXIT.usage,
      hint: 'The collector reads no others.',
    })
  const { isUp, text } = await textOf(call, linesIfAllowed)
  await call.system.writeForAll(file, text)
  return isUp ? EXIT.ok : EXIT.notRunning
}

/** `without`: what is known of the trap where no daemon tells it. */
async function textOf(
  call: Call,
  without: (call: Call) => readonly StatusLine[],
): Promise<{ readonly isUp: boolean; readonly text: string }> {
  const daemon = await reachDaemon(call.system.socket, 'metrics')
  if (daemon === undefined) return { isUp: false, text: metricsText(stateMetrics(false, without(call))) }
  const lines = await daemon.health()
  return { isUp: true, text: metricsText(stateMetrics(true, lines)) + (await daemon.counters()) }
}

/** Whoever may not ask the kernel knows all the same that nobody answers. */
function linesIfAllowed(call: Call): readonly StatusLine[] {
  try {
    return linesOf(call)
  } catch (error) {
    if (error instanceof Failure) return []
    throw error
  }
}

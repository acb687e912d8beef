import { parseDuration } from '../../../terms/duration.ts'
import { escapeText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { runDaemon } from '../daemon.ts'
import { LOG_OPTION, logOf } from '../log-option.ts'
import type { Verb } from '../verb.ts'

const LONGEST = 86_400

export const tryOut: Verb = {
  name: 'try',
  summary: 'arm the trap for a while, and disarm it again unless it is confirmed',
  args: '<time>',
  options: [LOG_OPTION],
  isDaemon: true,
  details:
    'For a distant machine: when the time is over and nobody said `flypaperd confirm`, the trap goes and whoever it locked out is freed, you included.',
  examples: ['sudo flypaperd try 300', 'sudo flypaperd try 10m'],
  exits: {
    [EXIT.ok]: 'as start',
  },
  run(call) {
    const seconds = parseDuration(call.args[0] ?? '')
    if (seconds === undefined || seconds < 1 || seconds > LONGEST) {
      throw new Failure(
        `try takes seconds or a time such as 5m, up to 1d, not ${escapeText(call.args[0] ?? '')}`,
        {
          exit: EXIT.usage,
        },
      )
    }
    return runDaemon(call, { handOver: false, tryFor: seconds, log: logOf(call) })
  },
}

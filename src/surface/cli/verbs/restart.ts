import { EXIT } from '../../../terms/failure.ts'
import { runDaemon } from '../daemon.ts'
import { LOG_OPTION, logOf } from '../log-option.ts'
import type { Verb } from '../verb.ts'

export const restart: Verb = {
  name: 'restart',
  summary: 'take over from the running daemon without disarming, with the settings of now',
  options: [LOG_OPTION],
  isDaemon: true,
  details: 'Runs in the foreground as start does. Without a running daemon it is the same as start.',
  examples: ['sudo flypaperd restart'],
  exits: {
    [EXIT.ok]: 'as start',
  },
  run: call => runDaemon(call, { handOver: true, log: logOf(call) }),
}

import { EXIT } from '../../../terms/failure.ts'
import { runDaemon } from '../daemon.ts'
import { LOG_OPTION, logOf } from '../log-option.ts'
import type { Verb } from '../verb.ts'

export const start: Verb = {
  name: 'start',
  summary: 'arm the trap and run the daemon in the foreground',
  options: [
    {
      flags: '--dry-run',
      what: 'only say whom it would lock out; nothing is held, dropped or answered differently',
    },
    LOG_OPTION,
  ],
  isDaemon: true,
  details:
    'Ctrl-C, SIGTERM or `flypaperd stop` disarm it again; the flies stay in the set. SIGUSR2 ends the daemon and leaves the trap armed.',
  examples: [
    'sudo flypaperd start',
    'sudo flypaperd start --dry-run',
    'sudo flypaperd start --settings ./flypaperd.toml',
    'sudo flypaperd start --log json',
  ],
  exits: {
    [EXIT.ok]: 'the trap is disarmed again, or left armed for another daemon',
  },
  run: call => runDaemon(call, { handOver: false, dryRun: call.options.dryRun === true, log: logOf(call) }),
}

import { EXIT } from '../../../terms/failure.ts'
import { runDaemon } from '../daemon.ts'
import { LOG_OPTION, logOf } from '../log-option.ts'
import { restartUnit, unitOfRunning } from '../unit.ts'
import type { Verb } from '../verb.ts'

export const restart: Verb = {
  name: 'restart',
  summary: 'take over from the running daemon without disarming, with the settings of now',
  options: [LOG_OPTION],
  isDaemon: true,
  details:
    'Runs in the foreground as start does. Without a running daemon it is the same as start. Where the daemon runs as a unit of systemd, that is restarted, and nothing runs here.',
  examples: ['sudo flypaperd restart'],
  exits: {
    [EXIT.ok]: 'as start; or the unit has been restarted',
  },
  async run(call) {
    const log = logOf(call)
    const unit = await unitOfRunning(call)
    return unit === undefined ? runDaemon(call, { handOver: true, log }) : restartUnit(call, unit)
  },
}

import { EXIT } from '../../../terms/failure.ts'
import { runningDaemon } from '../reach.ts'
import type { Verb } from '../verb.ts'

export const reload: Verb = {
  name: 'reload',
  summary: 'let the running daemon take the settings of now, without a gap',
  details:
    'Settings with a mistake are refused whole, and the daemon goes on with those it has. The same as SIGHUP. It reads the file with which it was started.',
  examples: ['sudo flypaperd reload'],
  exits: {
    [EXIT.ok]: 'the new settings are in force',
    [EXIT.notRunning]: 'the daemon is not running',
    [EXIT.unavailable]: 'the new settings are refused, and those of before stay',
  },
  async run(call) {
    await (await runningDaemon(call, 'reload')).reload(call.system.user)
    call.print('The new settings are in force.')
    return EXIT.ok
  },
}

import { EXIT } from '../../../terms/failure.ts'
import { runningDaemon } from '../reach.ts'
import { handToUnit } from '../unit.ts'
import type { Verb } from '../verb.ts'

export const confirm: Verb = {
  name: 'confirm',
  summary: 'keep the trap that `flypaperd try` has armed',
  details:
    'Where flypaperd.service is installed and reads the settings that were tried, it takes over from the terminal, and the trap stays armed meanwhile.',
  examples: ['sudo flypaperd confirm'],
  exits: {
    [EXIT.ok]: 'the trap stays armed, also when it was confirmed before, or armed without `try`',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const daemon = await runningDaemon(call, 'confirm')
    const tried = await daemon.status()
    await daemon.confirm(call.system.user)
    call.print(await handToUnit(call, tried))
    return EXIT.ok
  },
}

import { EXIT } from '../../../terms/failure.ts'
import { runningDaemon } from '../reach.ts'
import type { Verb } from '../verb.ts'

export const confirm: Verb = {
  name: 'confirm',
  summary: 'keep the trap that `flypaperd try` has armed',
  examples: ['sudo flypaperd confirm'],
  exits: {
    [EXIT.ok]: 'the trap stays armed, also when it was confirmed before, or armed without `try`',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    await (await runningDaemon(call)).confirm(call.system.user)
    call.print('The trap stays armed.')
    return EXIT.ok
  },
}

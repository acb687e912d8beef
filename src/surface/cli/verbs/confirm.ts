import { EXIT } from '../../../terms/failure.ts'
import { runningDaemon } from '../reach.ts'
import type { Verb } from '../verb.ts'

export const confirm: Verb = {
  name: 'confirm',
  summary: 'keep the trap that `flypaperd try` has armed',
  examples: ['sudo flypaperd confirm'],
  async run(call) {
    await (await runningDaemon(call)).confirm(call.system.user)
    call.print('The trap stays armed.')
    return EXIT.ok
  },
}

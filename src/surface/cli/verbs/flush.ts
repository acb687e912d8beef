import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { FlushAnswer } from '../../control/protocol.ts'
import { withActions } from '../reach.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'

export const flush: Verb = {
  name: 'flush',
  summary: 'free all flies; the history stays',
  options: [JSON_OPTION],
  examples: ['sudo flypaperd flush'],
  answer: FlushAnswer,
  exits: {
    [EXIT.ok]: 'there are no flies, also when there were none',
  },
  async run(call) {
    const flies = await withActions(call, 'flush', actions => actions.flush(call.system.user))
    call.print(call.options.json ? jsonText({ flies }) : `Freed ${flies === 1 ? '1 fly' : `${flies} flies`}.`)
    return EXIT.ok
  },
}

import { tasksOf } from '../../../settings/outside.ts'
import { escapeText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import type { Verb } from '../verb.ts'

export const notify: Verb = {
  name: 'notify',
  summary: 'send a test message by each way that [notify] of the settings names, and say how it went',
  options: [{ flags: '--test', what: 'send it now' }],
  details:
    'Reads the passwords and tokens, which takes root or the user flypaperd-outside. A credential of systemd is there in the unit alone.',
  examples: ['sudo flypaperd notify --test'],
  exits: {
    [EXIT.ok]: 'each way has taken it',
    [EXIT.no]: 'a way has not, or none is configured',
  },
  async run(call) {
    const { system, options, print } = call
    if (!options.test)
      throw new Failure('notify sends a test message, and only when it is told to: flypaperd notify --test', {
        exit: EXIT.usage,
      })
    const settings = call.settings()
    if (!tasksOf(settings).includes('notify')) {
      print('Nothing is sent: [notify] in the settings names neither mail nor webhook nor command.')
      return EXIT.no
    }
    using outside = await system.openOutside(settings.log)
    const tested = await outside.test(settings)
    for (const { way, error } of tested)
      print(error === undefined ? `${way}: taken` : `${way}: not taken: ${escapeText(error)}`)
    return tested.every(({ error }) => error === undefined) ? EXIT.ok : EXIT.no
  },
}

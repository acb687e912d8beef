import { EXIT } from '../../../terms/failure.ts'
import type { Verb } from '../verb.ts'

export const check: Verb = {
  name: 'check',
  summary: 'read the settings and say what is wrong with them',
  details: 'Touches nothing and needs no permission but to read the file.',
  examples: ['flypaperd check --settings ./flypaperd.toml'],
  run({ settings, print }) {
    const wanted = settings()
    print(`The settings are fine: closed = "${wanted.closed}", capture = "${wanted.capture}".`)
    return EXIT.ok
  },
}

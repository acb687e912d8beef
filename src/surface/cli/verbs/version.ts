import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { VersionAnswer } from '../answers.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'

export const version: Verb = {
  name: 'version',
  summary: 'say which flypaperd this is',
  options: [JSON_OPTION],
  examples: ['flypaperd version'],
  answer: VersionAnswer,
  exits: {
    [EXIT.ok]: 'it is said',
  },
  run({ system, options, print }) {
    print(options.json ? jsonText({ version: system.version }) : `flypaperd ${system.version}`)
    return EXIT.ok
  },
}

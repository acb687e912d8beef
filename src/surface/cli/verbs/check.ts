import { SettingsFailure } from '../../../settings/explain.ts'
import { neverFacts } from '../../../settings/settings.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, type ExitStatus } from '../../../terms/failure.ts'
import { countText, fileText } from '../../status-lines.ts'
import { CheckAnswer } from '../answers.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'

export const check: Verb = {
  name: 'check',
  summary: 'read the settings and say what is wrong with them',
  options: [JSON_OPTION],
  details:
    'Reads the settings file and its drop-ins. Touches nothing and needs no permission but to read them. With --json the mistakes are in the answer, and nothing is written to standard error.',
  examples: ['flypaperd check --settings ./flypaperd.toml', 'flypaperd check --json'],
  answer: CheckAnswer,
  exits: {
    [EXIT.ok]: 'the settings are fine',
    [EXIT.noPermission]: 'the settings may not be read',
    [EXIT.settings]: 'there is a mistake in the settings',
  },
  run(call) {
    if (call.options.json) return checkForPrograms(call)
    const { closed, capture, origin, ...settings } = call.settings()
    const { never, neverFiles } = neverFacts(settings)
    call.print(`The settings are fine: closed = "${closed}", capture = "${capture}".`)
    for (const file of origin?.files ?? []) call.print(`Read: ${escapeText(file)}`)
    if (never > 0)
      call.print(
        `Never locked out: ${[countText(never), ...neverFiles.map(fileText)].map(escapeText).join(', ')}`,
      )
    for (const remark of origin?.remarks ?? []) call.print(`Note: ${remark}.`)
    return EXIT.ok
  },
}

function checkForPrograms({ settings, print }: Call): ExitStatus {
  const answer = (facts: CheckAnswer) => print(jsonText(facts))
  try {
    const { closed, capture, origin = { files: [], remarks: [] }, ...rest } = settings()
    answer({
      ok: true,
      mistakes: [],
      closed,
      capture,
      files: [...origin.files],
      ...neverFacts(rest),
      remarks: [...origin.remarks],
    })
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof SettingsFailure)) throw error
    answer({ ok: false, mistakes: [...error.mistakes] })
    return error.exit
  }
}

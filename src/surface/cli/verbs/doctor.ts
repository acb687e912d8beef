import { type Diagnosis, diagnose } from '../../../doctor/doctor.ts'
import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { printDiagnosis } from '../diagnosis-text.ts'
import { withByHand } from '../reading.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'

export const doctor: Verb = {
  name: 'doctor',
  summary: 'what firewall is here, where the trap sits in it, which mode fits, what is missing',
  options: [JSON_OPTION],
  details:
    'Changes nothing, and needs no daemon. docs/beside-your-firewall.md says more about each firewall.',
  examples: ['sudo flypaperd doctor', 'sudo flypaperd doctor --json'],
  exits: {
    [EXIT.ok]: 'nothing is missing',
    [EXIT.no]: 'something is missing',
  },
  async run(call) {
    const { system, usableSettings, options, print } = call
    const { settings: written, wrong } = usableSettings()
    const settings = await withByHand(call, written)
    const diagnosis = diagnose({ ...(await system.lookAround()), settings, wrong: wrong?.message })
    if (options.json) print(jsonText(factsOf(diagnosis)))
    else printDiagnosis(diagnosis, { terminal: system.terminal, print })
    return diagnosis.findings.some(({ severity }) => severity === 'missing') ? EXIT.no : EXIT.ok
  },
}

function factsOf({ modes: { inForce, armed, recommended, chains }, ...rest }: Diagnosis): object {
  return { ...rest, closed: { in_force: inForce, armed, recommended, chains } }
}

import type { Entry } from '../../../ring/entry.ts'
import { entriesOf } from '../../../ring/read.ts'
import type { Settings } from '../../../settings/settings.ts'
import { jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { compare } from '../../../what-if/compare.ts'
import { type Replayed, replay, sourcesOf } from '../../../what-if/replay.ts'
import { differing, gapsOf } from '../../../what-if/unknown.ts'
import { WhatIfAnswer } from '../answers.ts'
import { historyToRead, withByHand } from '../reading.ts'
import { parseMoment } from '../times.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { answerOf, printWhatIf } from '../what-if-text.ts'

export const whatIf: Verb = {
  name: 'what-if',
  summary: 'who would have been locked out by other settings, from the packets that the ring remembers',
  options: [
    JSON_OPTION,
    { flags: '--since <time>', what: 'lockouts from then on: 1d (ago), 2026-11-01 (default: 7d)' },
  ],
  details:
    'Reads the ring ([ring] in the settings, off by default) and the history, and changes nothing; works without a daemon too. The packets are judged by the settings that --settings names, as the daemon would have judged them then; what depends on the rules of the kernel, and so cannot be known, is said by the name of the setting.',
  examples: [
    'sudo flypaperd what-if --settings ./flypaperd.toml',
    'sudo flypaperd what-if --settings ./flypaperd.toml --since 1d --json',
  ],
  answer: WhatIfAnswer,
  exits: {
    [EXIT.ok]: 'it is said who, also where nothing would be different',
  },
  async run(call) {
    const { options, system, print } = call
    const settings = await withByHand(call, call.settings())
    const now = system.now()
    const since = parseMoment(String(options.since ?? '7d'), now)
    const problems: string[] = []
    const replayed = await replayOf(call, settings, problems)
    const found = {
      since: Math.max(since, replayed.from ?? since),
      replayed,
      compared: compare(replayed.happened, replayed.would, since),
      differing: differing(replayed.contexts, settings),
      missing: [...gapsOf(replayed), ...problems],
    }
    if (options.json) print(jsonText(answerOf(found)))
    else printWhatIf(found, system.terminal, print)
    return EXIT.ok
  },
}

/** Reads the ring twice: what was known of its sources before is asked of the history in between. */
async function replayOf(call: Call, settings: Settings, problems: string[]): Promise<Replayed> {
  const { system } = call
  const read = entriesIn(call, problem => problems.push(problem))
  const { from, sources, isDry } = sourcesOf(read, settings)
  if (from === undefined) throw nothingIn(system.state, problems)
  using scratch = system.openScratch()
  using history = await historyToRead(call, isDry)
  for (const lockout of history.before(from, sources)) {
    scratch.add([lockout])
    const { released, source } = lockout
    if (released !== undefined && released.at <= from)
      scratch.release([source], { ...released, counts: !FREED.has(released.because) })
  }
  return replay(
    entriesIn(call, () => {}),
    settings,
    { history: scratch, at: from },
  )
}

/** These visits do not count when their source comes again. */
const FREED: ReadonlySet<string> = new Set(['freed', 'flushed'])

function entriesIn({ system }: Call, problem: (sentence: string) => void): Iterable<Entry> {
  return entriesOf(system.readRing(), problem)
}

function nothingIn(state: string, problems: readonly string[]): Failure {
  const isForbidden = problems.some(problem => problem.endsWith('permission denied'))
  const why = problems.length === 0 ? '' : `: ${problems.join('; ')}`
  return new Failure(`there is nothing to read of a ring in ${state}${why}`, {
    exit: isForbidden ? EXIT.noPermission : EXIT.unavailable,
    hint: isForbidden
      ? 'It has packets of people, and is for root and the user of the daemon alone.'
      : 'Write on = true under [ring] in the settings of the daemon, reload it, and ask again when it has seen something.',
  })
}

import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import type { LockAnswer } from '../../control/protocol.ts'
import { ImportAnswer } from '../answers.ts'
import { IMPORT_MAX, type Imported, parseList } from '../imported.ts'
import { runningDaemon } from '../reach.ts'
import { refusalText } from '../refusals.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { lengthOf, noteOf } from './lock.ts'

/** Entries of one request: packets are judged between two of them. */
const AT_ONCE = 500
/** Refused ones that are named; the others are counted. */
const SAID = 20

export const importFlies: Verb = {
  name: 'import',
  summary: 'lock out by hand whomever a list names',
  args: '[file]',
  options: [
    {
      flags: '--for <time>',
      what: 'how long those without a time of their own (default: as `several` says, 1h)',
    },
    { flags: '--because <text>', what: 'why, for those who read the list later' },
    { flags: '--force', what: 'also very wide prefixes, as lock does' },
    JSON_OPTION,
  ],
  details: `The list is a file or standard input, as export writes it: an address or prefix a line, with # for comments, or JSON. Never a host name. At most ${IMPORT_MAX} entries; one wrong line, and nobody is locked out. The never-list and the like are spared as lock does it. To import the same list again changes nothing. Needs the daemon.`,
  examples: [
    'sudo flypaperd import flies.txt --for 1d --because "from the other gate"',
    'sudo flypaperd import < flies.json',
  ],
  answer: ImportAnswer,
  exits: {
    [EXIT.ok]: 'all of them are locked out, also those who were already',
    [EXIT.no]: 'somebody is refused',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const { options, print } = call
    const list = readList(call, call.args[0] ?? '-')
    const { locked, kept, refused } = await lockAll(call, list)
    if (options.json) print(jsonText({ locked: locked.length, kept: kept.length, refused }))
    else {
      for (const { who, why } of refused.slice(0, SAID))
        print(`Not locked out: ${escapeText(who)} ${refusalText(why)}.`)
      if (refused.length > SAID) print(`Not locked out: ${refused.length - SAID} more.`)
      const already = kept.length === 0 ? '' : `; ${kept.length} are locked out already, for at least as long`
      print(`Locked out ${locked.length} of ${list.length}${already}.`)
    }
    return refused.length > 0 ? EXIT.no : EXIT.ok
  },
}

function readList({ system }: Call, file: string): Imported[] {
  const read = system.readList(file)
  if ('text' in read) return parseList(read.text, file === '-' ? 'standard input' : file)
  throw new Failure(`cannot read the list ${escapeText(file)}: ${read.because}`, {
    exit: read.unreadable === 'forbidden' ? EXIT.noPermission : EXIT.usage,
  })
}

async function lockAll(call: Call, list: readonly Imported[]): Promise<LockAnswer> {
  const { system, options } = call
  const seconds = options.for === undefined ? undefined : lengthOf(String(options.for))
  const because = noteOf(options.because)
  const daemon = await runningDaemon(call, 'lock')
  const answer: LockAnswer = { locked: [], kept: [], refused: [] }
  const now = system.now()
  const wishes = list.flatMap(({ prefix, until }) => {
    const left = until === undefined || until === 'forever' ? until : Math.round((until - now) / 1000)
    if (typeof left === 'number' && left < 1) return [] // Over already.
    const length = left ?? seconds
    return { who: prefix.text, ...(length !== undefined && { seconds: length }) }
  })
  for (let at = 0; at < wishes.length; at += AT_ONCE) {
    const lockouts = wishes.slice(at, at + AT_ONCE)
    const { locked, kept, refused } = await daemon.lock({
      lockouts,
      ...(because !== undefined && { because }),
      force: options.force === true,
      by: system.user,
    })
    answer.locked.push(...locked)
    answer.kept.push(...kept)
    answer.refused.push(...refused)
    call.progress(`${at + lockouts.length} of ${list.length}`)
  }
  call.progress('')
  return answer
}

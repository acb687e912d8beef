import { WIDEST } from '../../../lockout/decide/lock.ts'
import { parseDuration } from '../../../terms/duration.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { LockAnswer } from '../../control/protocol.ts'
import { runningDaemon } from '../reach.ts'
import { refusalText } from '../refusals.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

export const lock: Verb = {
  name: 'lock',
  summary: 'lock out by hand: addresses, prefixes, host names',
  args: '<who...>',
  options: [
    JSON_OPTION,
    {
      flags: '--for <time>',
      what: 'how long: 2h, or 7200 (seconds), or forever or -1 (default: as `several` says, 1h)',
    },
    { flags: '--because <text>', what: 'why, for those who read the list later' },
    { flags: '--exact', what: 'until then and no longer, also for a fly that would stay longer' },
    { flags: '--force', what: `also prefixes wider than /${WIDEST[4]}, in IPv6 /${WIDEST[6]}` },
  ],
  details:
    'Needs the daemon. Whoever is a fly already stays until the later end; without --for he stays as he is. What meets the never-list, this machine, its gateways or resolvers is refused. Of an IPv6 address the whole /64 is locked out.',
  examples: [
    'sudo flypaperd lock 203.0.113.7',
    'sudo flypaperd lock 198.51.100.0/24 --for 1d --because "asked for all our mail users"',
  ],
  answer: LockAnswer,
  exits: {
    [EXIT.ok]: 'all of them are locked out, also those who were already',
    [EXIT.no]: 'somebody is not: refused, or a host name has no address',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const { system, options, print } = call
    const seconds = options.for === undefined ? undefined : lengthOf(String(options.for))
    const because = noteOf(options.because)
    const who = await whoIs(call)
    const daemon = await runningDaemon(call, 'lock')
    const { locked, kept, refused } = await daemon.lock({
      lockouts: who.map(one => ({ who: one, ...(seconds !== undefined && { seconds }) })),
      ...(because !== undefined && { because }),
      force: options.force === true,
      ...(options.exact === true && { exact: true }),
      by: system.user,
    })
    if (options.json) print(jsonText({ locked, kept, refused }))
    else {
      for (const fly of locked) print(`Locked out ${escapeText(fly)}.`)
      for (const fly of kept) print(`${escapeText(fly)} is locked out already, for at least as long.`)
      for (const { who, why } of refused) print(`Not locked out: ${escapeText(who)} ${refusalText(why)}.`)
    }
    return refused.length > 0 ? EXIT.no : EXIT.ok
  },
}

const LONGEST = 3650 * 86_400

/** Seconds of `2h`, or for ever, which fail2ban writes as -1 (its jail.conf(5), bantime). Throws a Failure (64). */
export function lengthOf(text: string): number | 'forever' {
  if (text === 'forever' || text === '-1') return 'forever'
  const seconds = parseDuration(text)
  if (seconds !== undefined && seconds >= 1 && seconds <= LONGEST) return seconds
  throw new Failure(
    `--for takes a time from 1s to 3650d, such as 2h or 7200, or forever (or -1), not ${escapeText(text)}`,
    {
      exit: EXIT.usage,
    },
  )
}

/** Undefined for no words at all. Throws a Failure (64). */
export function noteOf(text: string | boolean | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (typeof text === 'string' && text.length <= 200) return text
  throw new Failure('--because takes up to 200 characters', { exit: EXIT.usage })
}

import * as z from 'zod'
import { BECAUSE_MAX, NEVER_BY_HAND_MAX } from '../../../settings/never-by-hand.ts'
import { WIDEST_IN_FILE } from '../../../settings/prefix-lines.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, type ExitStatus, Failure } from '../../../terms/failure.ts'
import { NeverAddAnswer, NeverAnswer, NeverRemoveAnswer } from '../../control/never-protocol.ts'
import { countText, fileText } from '../../status-lines.ts'
import { oneOf } from '../filter.ts'
import { runningDaemon } from '../reach.ts'
import { printTable } from '../table.ts'
import { endText, pastText } from '../times.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'
import { lengthOf, noteOf } from './lock.ts'

const ACTIONS = ['add', 'list', 'remove'] as const
/** Flies that are named one by one; the others are counted. */
const SAID = 100

export const never: Verb = {
  name: 'never',
  summary: 'who is never locked out: add, list, remove addresses, prefixes and host names by hand',
  args: '<action> [who...]',
  words: ACTIONS,
  options: [
    JSON_OPTION,
    {
      flags: '--for <time>',
      what: 'of add: how long: 1d, or 7200 (seconds), or forever (default: forever)',
    },
    { flags: '--because <text>', what: 'of add: why, for those who read the list later' },
  ],
  details: `Needs the daemon. Whom add names is free at once, and never judged, held or locked out from then on: as \`never\` in the settings, beside which these entries lie, in the state directory. Who is added again has the new end and the new reason. Remove takes what was added by hand; what the settings name stays until it is gone from there. A host name means all addresses that it has now, and is not looked up again. At most ${NEVER_BY_HAND_MAX} entries, a reason of ${BECAUSE_MAX} characters, and nothing wider than /${WIDEST_IN_FILE[4]}, in IPv6 /${WIDEST_IN_FILE[6]}. Members of the group flypaperd-operate may add and remove, those of flypaperd-watch list.`,
  examples: [
    'sudo flypaperd never add 203.0.113.80 --because "their monitor"',
    'sudo flypaperd never add 2001:db8:80::/48 --for 1d',
    'sudo flypaperd never list',
    'sudo flypaperd never remove 203.0.113.80',
  ],
  answer: z.union([NeverAnswer, NeverAddAnswer, NeverRemoveAnswer]),
  exits: {
    [EXIT.ok]: 'it is as it should be, also where it was before',
    [EXIT.no]:
      'somebody is not added: refused, or a host name has no address; or who was removed stays, by another entry; or it is in force, and not written down',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const [word = '', ...who] = call.args
    const action = oneOf('never takes a word that', ACTIONS, word)
    if (action === 'list') {
      if (who.length > 0) throw new Failure('never list takes nobody: it shows all', { exit: EXIT.usage })
      return await listAll(call)
    }
    if (who.length === 0)
      throw new Failure(`whom to ${action} is not said`, {
        exit: EXIT.usage,
        hint: `Name an address, a prefix or a host name: flypaperd never ${action} 203.0.113.80`,
      })
    return action === 'add' ? await add(call, who) : await remove(call, who)
  },
}

async function add(call: Call, names: readonly string[]): Promise<ExitStatus> {
  const { system, options, print } = call
  const seconds = options.for === undefined ? undefined : lengthOf(String(options.for))
  const because = noteOf(options.because)
  const who = [...(await whoIs(call, names))]
  const daemon = await runningDaemon(call, 'neverAdd')
  const done = await daemon.neverAdd({
    who,
    ...(seconds !== undefined && { seconds }),
    ...(because !== undefined && { because }),
    by: system.user,
  })
  const { added, changed, refused, flies, held, around, unwritten } = done
  if (options.json) print(jsonText(done))
  else {
    for (const one of added) print(`${escapeText(one)} is never locked out from now on.`)
    for (const one of changed)
      print(`${escapeText(one)} was there already, and has this end and this reason now.`)
    for (const { who, why } of refused) print(`Not added: ${escapeText(who)} ${WHY[why]}.`)
    for (const one of flies.slice(0, SAID)) print(`Freed ${escapeText(one)}.`)
    if (flies.length > SAID) print(`Freed ${flies.length - SAID} more.`)
    for (const one of held.slice(0, SAID)) print(`Freed ${escapeText(one)}, which was only held.`)
    for (const net of around) print(`${escapeText(net)} stays locked out, but for whom you named.`)
    tellUnwritten(call, unwritten)
  }
  return refused.length > 0 || unwritten !== undefined ? EXIT.no : EXIT.ok
}

const WHY: Readonly<Record<'too-wide' | 'full', string>> = {
  'too-wide': `is wider than /${WIDEST_IN_FILE[4]} (IPv6: /${WIDEST_IN_FILE[6]}); if you mean it, write the prefix into never, in the settings themselves`,
  full: `finds no room: there are ${NEVER_BY_HAND_MAX} entries already. Remove some, or write them into a file that never_files names`,
}

async function remove(call: Call, names: readonly string[]): Promise<ExitStatus> {
  const { system, options, print } = call
  const who = [...(await whoIs(call, names))]
  const daemon = await runningDaemon(call, 'neverRemove')
  const done = await daemon.neverRemove({ who, by: system.user })
  const { removed, missing, stays, unwritten } = done
  if (options.json) print(jsonText(done))
  else {
    for (const one of removed) print(`Removed ${escapeText(one)}.`)
    for (const one of missing) print(`There is no entry by hand for ${escapeText(one)}.`)
    for (const { who, entry } of stays)
      print(`But ${escapeText(who)} is never locked out all the same: ${escapeText(entry)}.`)
    tellUnwritten(call, unwritten)
  }
  return stays.length > 0 || unwritten !== undefined ? EXIT.no : EXIT.ok
}

function tellUnwritten({ print }: Call, unwritten: string | undefined): void {
  if (unwritten !== undefined)
    print(
      `It is in force, but not written down: ${escapeText(unwritten)}. It is tried again each minute, and lost if the daemon ends before.`,
    )
}

async function listAll(call: Call): Promise<ExitStatus> {
  const { system, options, print } = call
  const daemon = await runningDaemon(call, 'never')
  const found = await daemon.never()
  if (options.json) {
    print(jsonText(found))
    return EXIT.ok
  }
  const { terminal } = system
  const now = system.now()
  const rows = [
    ...found.settings.map(who => [who, 'settings', '-', '-', '-', '-']),
    ...found.byHand.map(({ who, by, since, until, because = '-' }) => {
      const end = until === 'forever' ? until : Date.parse(until)
      return [
        who,
        'by hand',
        endText(end, now, terminal),
        pastText(Date.parse(since), now, terminal),
        by,
        because,
      ]
    }),
  ]
  const printed = printTable(columnsOf(terminal.isTerminal), rows, { terminal, print })
  const untold = found.settingsCount - found.settings.length
  if (untold > 0) print(`And ${countText(untold)} more of the settings.`)
  for (const file of found.files) print(`And ${escapeText(fileText(file))}.`)
  if (printed + found.files.length === 0) print('Nobody.')
  return EXIT.ok
}

function columnsOf(isTerminal: boolean) {
  return [
    { title: 'ENTRY' },
    { title: 'ORIGIN' },
    { title: isTerminal ? 'LEFT' : 'UNTIL' },
    { title: 'SINCE', spare: 1 },
    { title: 'BY', spare: 2 },
    { title: 'BECAUSE', spare: 3 },
  ]
}

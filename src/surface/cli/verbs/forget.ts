import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { ForgetAnswer } from '../../control/testimony-protocol.ts'
import { runningDaemon } from '../reach.ts'
import { wrap } from '../terminal.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

export const forget: Verb = {
  name: 'forget',
  summary: 'remove what is remembered of somebody: history, ring, what counts against it; and free it',
  args: '<who...>',
  options: [JSON_OPTION],
  details:
    'Needs the daemon. WHO is an address, a prefix or a host name. Of an IPv6 address the lockouts of its /64 stay, without the address: they are of others as well; name the /64 to remove them. Totals of days stay, which name nobody. The journal, backups and whoever was told keep what they have: docs/privacy.md says how to remove it there.',
  examples: ['sudo flypaperd forget 203.0.113.7', 'sudo flypaperd forget 2001:db8:1:2::/64'],
  answer: ForgetAnswer,
  exits: {
    [EXIT.ok]: 'nothing is remembered of them, also when nothing was',
    [EXIT.no]:
      'something is left: their bytes in the file of the history, or a prefix that was locked out by hand and has them in it; or a host name has no address',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const { system, options, print } = call
    const who = [...(await whoIs(call))]
    const daemon = await runningDaemon(call, 'forget')
    const forgotten = await daemon.forget({ who, by: system.user })
    const { scoured, around = [] } = forgotten
    if (options.json) print(jsonText(forgotten))
    else for (const line of lines(forgotten, system.state)) print(wrap(line, system.terminal.columns))
    return scoured && around.length === 0 ? EXIT.ok : EXIT.no
  },
}

function lines(told: ForgetAnswer, state: string): readonly string[] {
  const { freed, lockouts, senders, sightings, samples, packets, scoured, around = [] } = told
  const removed = [
    `${lockouts} lockouts`,
    `${sightings} sightings`,
    `${samples} samples`,
    `${packets} packets of the ring`,
  ]
  return [
    `Removed: ${removed.join(', ')}. Freed: ${freed}.`,
    ...(senders === 0 ? [] : [`${senders} lockouts that concern others as well stay, without the address.`]),
    ...around.map(net => `But ${net} is locked out by hand.`),
    ...(scoured
      ? []
      : [
          `Their bytes may still be in ${state}/history.db: somebody reads it, or there is no room to write it anew. Forget again later.`,
        ]),
    `Not removed: what the journal has (sudo journalctl -u flypaperd --grep WHO shows it; sudo journalctl --rotate --vacuum-time=1s removes all of the journal), ${state}/history.db.damaged-* and ${state}/dry-run.db where they exist, backups, and what others were told.`,
  ]
}

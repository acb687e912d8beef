/** Findings about who could be hurt: whoever administers this machine from afar, and its own containers. */
import { isOurs } from '../arm/names.ts'
import { insideOf, ownPrefixes, singlePrefixes } from '../arm/surroundings.ts'
import { neverOf, portText, type SilentPort } from '../settings/settings.ts'
import { type Address, covers, type Prefix } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'
import { isIn, type PrefixSet } from '../terms/prefix-set.ts'
import { modesOf } from './closed.ts'
import { doorsOf } from './conditional.ts'
import type { Caller, Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { offloaded } from './flowtables.ts'
import { legacyFindings } from './legacy-limits.ts'
import { acceptingJumps } from './mode.ts'

const say = teller('danger')
const TCP = 6
const UDP = 17

/** Whether, and on what evidence, a source would be judged. */
export type Standing = 'never-list' | 'near' | 'known' | 'judged'

export function dangerFindings(facts: Facts): readonly Finding[] {
  return [
    ...(facts.caller === undefined
      ? [
          say(
            'note',
            'You did not come in by ssh, as far as can be seen. Whoever does should stand in `never` in the settings.',
          ),
        ]
      : [callerFinding(facts.caller, facts), portFinding(facts.caller, facts)]),
    ...openUntilNow(facts),
    ...waiting(facts),
    ...conditional(facts),
    ...offloaded(facts),
    ...legacyFindings(facts, modesOf(facts).inForce),
    ...containers(facts),
    ...wayIn(facts),
    ...remarks(facts),
    ...framesToAll(facts),
    ...inner(facts),
    ...behindNat64(facts),
    ...strangers(facts),
  ]
}

/** Where strangers are served all day: mail, HTTP, HTTPS and HTTP/3. */
const TO_STRANGERS: readonly SilentPort[] = (
  [
    ['tcp', 25],
    ['tcp', 80],
    ['tcp', 443],
    ['udp', 443],
  ] as const
).map(([protocol, port]) => ({ protocol, first: port, last: port }))

/** Clients that nobody knows beforehand are here, and anybody can forge a packet in the name of one. */
function strangers({ served, settings }: Facts): readonly Finding[] {
  const isServed = ({ protocol, first }: SilentPort) =>
    served.some(([number, port]) => number === (protocol === 'tcp' ? TCP : UDP) && port === first)
  const isPublic = ({ protocol, first }: SilentPort) =>
    settings.public.some(one => one.protocol === protocol && one.first <= first && first <= one.last)
  const found = TO_STRANGERS.filter(port => isServed(port) && !isPublic(port)).map(portText)
  if (found.length === 0) return []
  const all = [...settings.public.map(portText), ...found]
  return [
    say(
      'note',
      `Strangers are served here at ${found.join(', ')}, and one forged packet, or a mistyped port, keeps any of them out for ten minutes: a visitor, a crawler, a mail server, a network that stands between you and your clients.`,
      `If these ports may be known to everybody, write into the settings, before the first table: public = [${all.map(port => `"${port}"`).join(', ')}]`,
    ),
  ]
}

export function standingOf(address: Address, { settings, neighbourhood, connected }: Facts): Standing {
  if (neverOf(settings).has(addressKey(address))) return 'never-list'
  if (isIn(address, ownPrefixes(neighbourhood))) return 'near'
  return connected.includes(address) ? 'known' : 'judged'
}

function callerFinding({ address }: Caller, facts: Facts): Finding {
  const you = `You came in from ${address}`
  const advice = `Write never = ["${address}"] into the settings, or begin with: flypaperd try 300`
  switch (standingOf(address, facts)) {
    case 'never-list':
      return say('ok', `${you}, which is on the never-list: never judged.`)
    case 'near':
      return say('ok', `${you}, which is this machine, a gateway or a resolver of it: never judged.`)
    case 'known':
      return say(
        'careful',
        `${you}, which is connected, so it counts as a known client: three different closed ports within ten minutes lock it out. Once it has been away for ten minutes, one is enough.`,
        advice,
      )
    case 'judged':
      return say('careful', `${you}, which one packet to a closed port would lock out.`, advice)
  }
}

function portFinding({ port }: Caller, facts: Facts): Finding {
  if (!facts.served.some(([protocol, served]) => protocol === TCP && served === port)) {
    return say(
      'careful',
      `Nobody listens on TCP-port ${port}, by which you came in: with closed = "listening" the next who tries it is locked out.`,
      'Start the service there before the trap is armed.',
    )
  }
  const { inForce, chains } = modesOf(facts)
  if (inForce !== 'unmatched')
    return say('ok', `TCP-port ${port}, by which you came in, is open: somebody listens.`)
  const where = chains.input.length > 0 ? ` in chain ${chains.input.join(', ')}` : ''
  return say(
    'careful',
    `TCP-port ${port}, by which you came in, is closed to whomever your rules do not accept there: they must do so${where} before the jump.`,
    'Begin with: flypaperd try 300',
  )
}

/** Chains that let pass what no rule of theirs takes: with the jump at their end, whoever comes so far is an offender. */
function openUntilNow(facts: Facts): readonly Finding[] {
  if (modesOf(facts).inForce !== 'unmatched' || !('ruleset' in facts.sight)) return []
  return acceptingJumps(facts.sight.ruleset, facts.settings).map(chain =>
    say(
      'careful',
      `Chain ${chain} accepts by its policy what none of its rules takes, but the jump at its end makes an offender of whoever comes so far: clients of your open ports as well.`,
      'Let rules before the jump accept every port that you serve; or write closed = "listening".',
    ),
  )
}

/** Rules of others that hand packets to a program: what comes out late looks like refused. */
function waiting(facts: Facts): readonly Finding[] {
  if (modesOf(facts).inForce !== 'unaccepted' || !('ruleset' in facts.sight)) return []
  const chains = facts.sight.ruleset.rules
    .filter(({ chain, expr }) => !isOurs(chain) && /"queue":|"NFQUEUE"/.test(JSON.stringify(expr)))
    .map(({ family, table, chain }) => `${family} ${table} ${chain}`)
  return [...new Set(chains)].map(chain =>
    say(
      'careful',
      `Chain ${chain} lets packets wait for a program (queue): with closed = "unaccepted" the senders of those that wait longer than a quarter of a second would be locked out.`,
      'Write closed = "listening" into the settings.',
    ),
  )
}

const CONDITION = 'by a rate, a count, a quota, room in a set or the like'

/** Rules that refuse somebody who has done nothing that others do not do. */
function conditional(facts: Facts): readonly Finding[] {
  const { inForce } = modesOf(facts)
  if (inForce === 'listening' || !('ruleset' in facts.sight)) return []
  const { ports, isAny } = doorsOf(facts.sight.ruleset)
  if (isAny)
    return [
      say(
        'careful',
        inForce === 'unaccepted'
          ? `Rules of others refuse ${CONDITION}, and do not tell at which ports: with closed = "unaccepted" nobody is locked out for what they refuse, at any port.`
          : `Rules of yours refuse ${CONDITION}, and do not tell at which ports: who comes to the jump because of them is locked out.`,
        'Name the ports in these rules, or in those that accept: tcp dport { 22, 443 }.',
      ),
    ]
  if (ports.size === 0) return []
  const names = [...ports.values()]
    .slice(0, MOST_DOORS)
    .map(([protocol, port]) => `${protocol === 6 ? 'TCP' : 'UDP'}-port ${port}`)
  const more = ports.size > MOST_DOORS ? ` and ${ports.size - MOST_DOORS} more` : ''
  return [
    say(
      'note',
      `Rules of others open ${names.join(', ')}${more} ${CONDITION}: who is refused there is no offender.`,
    ),
  ]
}

/** So many are named. */
const MOST_DOORS = 10

function coversWhole(never: PrefixSet, prefix: Prefix): boolean {
  const entry = never.across(prefix)
  return entry !== undefined && covers(entry, prefix)
}

/** They share this machine with us, and are strangers to the trap. */
function containers({ bridges, settings }: Facts): readonly Finding[] {
  const never = neverOf(settings)
  const judged = bridges.filter(({ prefix }) => !coversWhole(never, prefix))
  if (judged.length === 0) return []
  const names = judged.map(({ name, prefix }) => `${name} (${prefix.text})`).join(', ')
  return [
    say(
      'careful',
      `Containers or virtual machines behind ${names} are judged as everybody is: one that tries a closed port of this machine is cut off from it.`,
      `If they are yours, write into the settings: never = [${judged.map(({ prefix }) => `"${prefix.text}"`).join(', ')}]`,
    ),
  ]
}

/** By which somebody gets in whom the trap has locked out. */
function wayIn({ doors = [], settings }: Facts): readonly Finding[] {
  if (doors.length === 0) return []
  const ports = doors.map(([, port]) => `udp/${port}`).join(', ')
  return [
    settings.doors
      ? say(
          'ok',
          `WireGuard at ${ports} stays reachable for whoever is locked out, to whom it answers only with a key.`,
        )
      : say(
          'note',
          `WireGuard at ${ports} is shut for whoever is locked out, by the settings (doors = false).`,
        ),
  ]
}

/** What the daemon warns of as well. */
function remarks({ remarks = [] }: Facts): readonly Finding[] {
  return remarks.map(remark => say('careful', `${remark[0]!.toUpperCase()}${remark.slice(1)}.`))
}

/** UDP in them is weak evidence, since whoever floods a network by mistake sends it, too. */
function framesToAll({ framesToAll = [] }: Facts): readonly Finding[] {
  if (framesToAll.length === 0) return []
  return [
    say(
      'note',
      'Whoever is on a link of this machine can ask it for UDP ports by frames to everybody there, two an hour without a lockout.',
      `Unless a cluster shares an address of this machine by such frames, let the kernel drop them: sysctl -w ${framesToAll.map(name => `${name}=1`).join(' ')}`,
    ),
  ]
}

/** Whoever sends all that he sends through this machine, and would lose all of it. */
function inner({ forwards, neighbourhood, settings }: Facts): readonly Finding[] {
  if (!forwards) return []
  const inside = insideOf(neighbourhood, settings).map(({ text }) => text)
  if (inside.length > 0)
    return [
      say(
        'ok',
        `Inside, behind this machine: ${inside.join(', ')}. What is sent on from there to the outside is no offence, and passes also while its sender is locked out.`,
      ),
    ]
  if (settings.inside !== 'auto')
    return [say('note', 'This machine forwards packets, and by the settings no network is inside.')]
  return [
    say(
      'note',
      'This machine forwards packets, but no network is seen to be inside: each of its links has a gateway, or is a bridge without a wire. A host there that is locked out loses all that is forwarded for it.',
      'If you know of one, write it into the settings: inside = ["192.168.7.0/24"]',
    ),
  ]
}

/** The whole of IPv4 comes from one /64 there. */
function behindNat64({ nat64, neighbourhood, settings }: Facts): readonly Finding[] {
  const singles = singlePrefixes(neighbourhood, neverOf(settings), settings.shared)
  const shared = nat64.filter(prefix => {
    const single = singles.across(prefix)
    return single === undefined || !covers(single, prefix)
  })
  if (shared.length === 0) return []
  const names = shared.map(({ text }) => text)
  return [
    say(
      'careful',
      `DNS64 puts ${names.join(', ')} before the addresses of IPv4 here: if they come in by that, the first scanner among them locks out all.`,
      `Write into the settings:\n[shared]\nsingle = [${names.map(name => `"${name}"`).join(', ')}]`,
    ),
  ]
}

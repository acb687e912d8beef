/** Findings about who could be hurt: whoever administers this machine from afar, and its own containers. */
import { isOurs } from '../arm/names.ts'
import { ownPrefixes } from '../arm/surroundings.ts'
import { type Address, covers } from '../terms/address.ts'
import { isIn } from '../terms/prefix-set.ts'
import { modesOf } from './closed.ts'
import type { Caller, Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { acceptingJumps } from './mode.ts'

const say = teller('danger')
const TCP = 6

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
    ...containers(facts),
  ]
}

export function standingOf(address: Address, { settings, neighbourhood, connected }: Facts): Standing {
  if (isIn(address, settings.never)) return 'never-list'
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

/** They share this machine with us, and are strangers to the trap. */
function containers({ bridges, settings }: Facts): readonly Finding[] {
  const judged = bridges.filter(({ prefix }) => !settings.never.some(it => covers(it, prefix)))
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

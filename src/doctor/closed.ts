/** Findings about what counts as closed, and about the mode that decides it. */
import { ENTRANCES } from '../arm/names.ts'
import { type Choice, choose } from './choice.ts'
import { detoursOf } from './detours.ts'
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { knockFindings } from './knock-findings.ts'
import type { Present } from './managers.ts'
import { type Mode, modeInForce, type Refusing, refusingChains, unseenBy } from './mode.ts'
import { endingOf, portsOf } from './rules.ts'
import type { Ruleset } from './ruleset.ts'

const EMPTY: Ruleset = { tables: [], chains: [], rules: [] }
/** More ports than these are not named in a sentence. */
const MOST_PORTS = 24

const about = { closed: teller('closed'), mode: teller('mode') }

export interface Modes {
  readonly inForce: Mode
  /** Undefined, as what is recommended, when the kernel's rules cannot be seen. */
  readonly armed: boolean | undefined
  readonly recommended: Mode | undefined
  /** What to write under [chains] for "unmatched". */
  readonly chains: Readonly<Record<Refusing['way'], readonly string[]>>
}

export function modesOf(facts: Facts): Modes {
  const refusing = refusingOf(facts)
  const choice = choose(facts)
  const { mode: inForce, armed } = modeInForce(facts, choice.mode)
  const toName = (way: Refusing['way']) =>
    refusing.filter(it => it.way === way && it.by === 'policy' && !it.jumps).map(({ chain }) => chain)
  const named = facts.settings.chains
  const union = (way: Refusing['way']) => [...new Set([...named[way], ...toName(way)])]
  const chains = { input: union('input'), forward: facts.forwards ? union('forward') : named.forward }
  if ('unseen' in facts.sight) return { inForce, armed: undefined, recommended: undefined, chains: named }
  return { inForce, armed, recommended: choice.mode, chains }
}

export function closedFindings(facts: Facts, managers: readonly Present[]): readonly Finding[] {
  const modes = modesOf(facts)
  const { inForce, armed, recommended } = modes
  const refusing = refusingOf(facts)
  const wanted = [...new Set([inForce, recommended ?? inForce])]
  const unseen = (mode: Mode) =>
    `With closed = "${mode}" flypaperd cannot see: ${unseenBy(mode, facts, refusing, managers).join('; ')}.`
  return [
    ...wanted.map(mode => about.closed('ok', closedBy(mode, facts, refusing))),
    about.mode('ok', stateText(inForce, armed)),
    recommendation(modes, choose(facts), facts.settings.closed === 'auto'),
    ...detourFindings(facts, modes),
    ...uplinkFindings(facts, modes),
    ...knockFindings(facts, modes.inForce),
    ...jumpFindings(modes, refusing),
    ...wanted.map(mode => about.mode('note', unseen(mode))),
  ]
}

function stateText(inForce: Mode, armed: boolean | undefined): string {
  if (armed) return `The trap is armed, with closed = "${inForce}".`
  const state = armed === undefined ? 'Whether the trap is armed cannot be seen.' : 'The trap is not armed.'
  return `${state} With the settings of now it would have closed = "${inForce}".`
}

function refusingOf({ sight }: Facts): readonly Refusing[] {
  return refusingChains('ruleset' in sight ? sight.ruleset : EMPTY)
}

function closedBy(mode: Mode, facts: Facts, refusing: readonly Refusing[]): string {
  if (mode === 'unaccepted')
    return 'With "unaccepted" every port is closed on which nobody listens, and every other that the rules of another firewall refuse.'
  if (mode === 'listening') {
    const served = portsText(
      facts.served.map(([protocol, port]) => `${protocol === 6 ? 'tcp' : 'udp'} ${port}`),
    )
    return `With "listening" every port is closed on which nobody listens: ${served === '' ? 'all of them' : `all but ${served}`}.`
  }
  const chains = refusing.filter(({ way }) => way === 'input').map(({ chain }) => chain)
  const names = [...new Set([...facts.settings.chains.input, ...chains])].join(', ')
  const rules = 'ruleset' in facts.sight ? facts.sight.ruleset.rules : []
  const accepting = rules.filter(rule => chains.includes(rule.chain) && endingOf(rule) === 'accept')
  const accepted = portsText(accepting.flatMap(portsOf))
  const named = accepted ? `; its rules name ${accepted}, some perhaps under conditions` : ''
  return `With "unmatched" closed is what comes to the end of chain ${names || '(none)'} without being accepted${named}.`
}

function portsText(all: readonly string[]): string {
  const ports = [...new Set(all)].sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  const rest = ports.length - MOST_PORTS
  return `${ports.slice(0, MOST_PORTS).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function recommendation({ inForce, recommended }: Modes, { because }: Choice, isAuto: boolean): Finding {
  if (recommended === undefined) {
    return about.mode(
      'note',
      'None is recommended, since the rules cannot be seen. closed = "listening" works beside any firewall.',
    )
  }
  const text = `Recommended: closed = "${recommended}", since ${because}.`
  const taken = isAuto ? ' closed = "auto" takes it.' : ''
  if (inForce === recommended) return about.mode('ok', `${text}${taken}`)
  const advice = isAuto
    ? 'flypaperd reload takes it at once.'
    : 'Leave `closed` out of the settings: "auto" takes it.'
  return about.mode(
    'note',
    `${text}${isAuto ? ' The running daemon takes it when nobody has changed a rule for some seconds.' : ''}`,
    advice,
  )
}

function detourFindings(facts: Facts, { inForce }: Modes): readonly Finding[] {
  const detours = detoursOf(facts)
  if (detours.length === 0) return []
  const here = `closed = "unaccepted" does not fit here: ${detours.join('; ')}. It could take somebody for refused who was not.`
  return [
    inForce === 'unaccepted'
      ? about.mode('careful', here, 'Write closed = "listening" into the settings.')
      : about.mode('note', here),
  ]
}

/** Where packets are forwarded, only what comes in by an interface of a default route is watched. */
function uplinkFindings({ forwards, uplinks }: Facts, { inForce }: Modes): readonly Finding[] {
  if (inForce !== 'unaccepted' || !forwards || uplinks > 0) return []
  return [
    about.mode(
      'careful',
      'This machine forwards packets, but no routing table has a default route: nothing that is forwarded is watched.',
      'Flies are dropped there all the same. It is looked for again whenever a route changes.',
    ),
  ]
}

/** A chain of the administrator's could jump to the trap. That is for him to say: "auto" appends nothing. */
function jumpFindings({ recommended, chains }: Modes, refusing: readonly Refusing[]): readonly Finding[] {
  const input = refusing.filter(({ way, jumps }) => way === 'input' && !jumps)
  if (recommended === undefined || recommended === 'unmatched' || input.length === 0) return []
  const names = input.map(({ chain }) => chain).join(', ')
  return [
    about.mode(
      'note',
      `Chain ${names} refuses what it does not accept. It can jump to the trap, if you want closed to be just that.`,
      `Write into the settings:\n${settingsFor(chains)}${jumpsFor(refusing)}`,
    ),
  ]
}

function settingsFor(chains: Modes['chains']): string {
  const lines = (['input', 'forward'] as const)
    .filter(way => chains[way].length > 0)
    .map(way => `${way} = ${JSON.stringify(chains[way]).replaceAll('","', '", "')}`)
  return ['closed = "unmatched"', ...(lines.length > 0 ? ['[chains]', ...lines] : [])].join('\n')
}

/** Where start cannot append the jump, since nothing would come to it. */
function jumpsFor(refusing: readonly Refusing[]): string {
  const late = refusing.filter(({ by, jumps }) => by === 'rule' && !jumps)
  return late
    .map(({ way, chain }) => `\nand into chain ${chain}, before its last rule: jump ${ENTRANCES[way]}`)
    .join('')
}

/** Findings about what counts as closed, and about the mode that decides it. */
import { ENTRANCES } from '../arm/names.ts'
import type { Facts, Ruleset } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import type { Present } from './managers.ts'
import { type Mode, modeInForce, type Refusing, recommendedMode, refusingChains, unseenBy } from './mode.ts'
import { endingOf, portsOf } from './rules.ts'

const EMPTY: Ruleset = { tables: [], chains: [], rules: [] }
/** More ports than these are not named in a sentence. */
const MOST_PORTS = 24

const about = { closed: teller('closed'), mode: teller('mode') }

export interface Modes {
  readonly inForce: Mode
  /** Undefined, as what is recommended, when the kernel's rules cannot be seen. */
  readonly armed: boolean | undefined
  readonly recommended: Mode | undefined
  /** What to write under [chains] for the recommended mode. */
  readonly chains: Readonly<Record<Refusing['way'], readonly string[]>>
}

export function modesOf(facts: Facts): Modes {
  const refusing = refusingOf(facts)
  const { mode: inForce, armed } = modeInForce(facts)
  const toName = (way: Refusing['way']) =>
    refusing.filter(it => it.way === way && it.by === 'policy' && !it.jumps).map(({ chain }) => chain)
  const named = facts.settings.chains
  const union = (way: Refusing['way']) => [...new Set([...named[way], ...toName(way)])]
  const chains = { input: union('input'), forward: facts.forwards ? union('forward') : named.forward }
  if ('unseen' in facts.sight) return { inForce, armed: undefined, recommended: undefined, chains: named }
  return { inForce, armed, recommended: recommendedMode(refusing), chains }
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
    recommendation(modes, refusing),
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

function recommendation(modes: Modes, refusing: readonly Refusing[]): Finding {
  const { inForce, recommended, chains } = modes
  const severity = inForce === recommended ? 'ok' : 'note'
  if (recommended === undefined) {
    return about.mode(
      'note',
      'None is recommended, since the rules cannot be seen. closed = "listening" works beside any firewall.',
    )
  }
  if (recommended === 'listening') {
    return about.mode(
      severity,
      'Recommended: closed = "listening", since no input chain of table inet filter refuses what it does not accept. It works beside any firewall and changes nothing in it.',
      severity === 'ok' ? undefined : 'Write closed = "listening" into the settings, or leave it out.',
    )
  }
  const input = refusing.filter(({ way }) => way === 'input')
  return about.mode(
    severity,
    `Recommended: closed = "unmatched", since chain ${input.map(({ chain }) => chain).join(', ')} refuses what it does not accept: so offences against ports that are open but not allowed are seen as well.`,
    severity === 'ok' ? undefined : `Write into the settings:\n${settingsFor(chains)}${jumpsFor(refusing)}`,
  )
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

/** Which mode of `closed` fits this firewall, and what it cannot see here. */
import { ENTRANCES, isOurs } from '../arm/names.ts'
import type { Mode, Settings } from '../settings/settings.ts'
import type { Facts } from './facts.ts'
import type { Present } from './managers.ts'
import { endingOf, isInOurTable, isUnconditional, targetsOf } from './rules.ts'
import type { Chain, Rule, Ruleset } from './ruleset.ts'

export type { Mode }

/** A chain of the administrator's that refuses what none of its rules accepted: a jump can stand at its end. */
export interface Refusing {
  readonly way: 'input' | 'forward'
  readonly chain: string
  /** `rule`: its last rule refuses everything, so an appended jump would never be reached. */
  readonly by: 'policy' | 'rule'
  /** A rule of his, or one that start has appended, jumps to the trap. */
  readonly jumps: boolean
  /** The rules before its end that drop or reject: what they take never comes to the jump. */
  readonly refusals: number
}

export function refusingChains({ chains, rules }: Ruleset): readonly Refusing[] {
  return chains.filter(isTheirs).flatMap(({ name, hook, policy }) => {
    const way = hook === 'input' || hook === 'forward' ? hook : undefined
    const own = rules.filter(rule => rule.chain === name && isInOurTable(rule))
    const end = own.findIndex(isRefusingAll)
    const by = end >= 0 ? 'rule' : policy === 'drop' ? 'policy' : undefined
    if (way === undefined || by === undefined) return []
    const jumps = own.some(rule => targetsOf(rule).includes(ENTRANCES[way]))
    const before = end >= 0 ? own.slice(0, end) : own
    return { way, chain: name, by, jumps, refusals: before.filter(isRefusing).length } as const
  })
}

/** Chains for input with the jump at their end, written or to be appended, that refuse nothing by themselves. */
export function acceptingJumps(
  ruleset: Ruleset,
  { chains: named }: Pick<Settings, 'chains'>,
): readonly string[] {
  const refusing = refusingChains(ruleset).map(({ chain }) => chain)
  return ruleset.chains
    .filter(chain => isTheirs(chain) && chain.hook === 'input' && !refusing.includes(chain.name))
    .map(({ name }) => name)
    .filter(name => named.input.includes(name) || ruleset.rules.some(rule => isJumpIn(rule, name)))
}

function isJumpIn(rule: Rule, chain: string): boolean {
  return rule.chain === chain && isInOurTable(rule) && targetsOf(rule).includes(ENTRANCES.input)
}

function isTheirs(chain: Chain): boolean {
  return isInOurTable(chain) && !isOurs(chain.name)
}

function isRefusing(rule: Rule): boolean {
  const ending = endingOf(rule)
  return ending === 'drop' || ending === 'reject'
}

function isRefusingAll(rule: Rule): boolean {
  return isRefusing(rule) && isUnconditional(rule)
}

/** What is in the kernel, when the trap is armed; else what the settings would make, or "auto" would take. */
export function modeInForce({ settings, sight }: Facts, auto: Mode): { mode: Mode; armed: boolean } {
  const hooked = (name: string) =>
    'ruleset' in sight && sight.ruleset.chains.some(it => it.name === name && it.hook !== undefined)
  if (!hooked('flypaper_early'))
    return { mode: settings.closed === 'auto' ? auto : settings.closed, armed: false }
  const mode = hooked('flypaper_end_forward')
    ? 'unaccepted'
    : hooked('flypaper_listening')
      ? 'listening'
      : 'unmatched'
  return { mode, armed: true }
}

/** One half sentence each. */
export function unseenBy(
  mode: Mode,
  facts: Pick<Facts, 'forwards'>,
  refusing: readonly Refusing[],
  managers: readonly Present[],
): readonly string[] {
  if (mode === 'unaccepted') {
    return [
      'refusals at a port through which somebody was let within a day: they may be a rate limit or a restriction of addresses',
      'what chains before priority -10 or behind 400 refuse, and what does not open a connection (FIN, NULL and XMAS scans) where it is forwarded',
      'UDP to the ports from which this machine opens connections, where answers and calls arrive',
      ...(facts.forwards ? ['what hosts behind this machine send'] : []),
    ]
  }
  if (mode === 'listening') {
    return [
      'ports that are open on another address of this machine only',
      ...(managers.length > 0 ? ['ports that are open, but that your firewall refuses'] : []),
      ...(facts.forwards ? ['offences in traffic that is forwarded (flies are dropped there, too)'] : []),
    ]
  }
  return [
    'what comes to ports that your rules accept: FIN, NULL and XMAS scans of them, and ports on which nobody listens',
    ...refusing
      .filter(({ refusals }) => refusals > 0)
      .map(({ chain, refusals }) =>
        refusals === 1
          ? `what the one rule of chain ${chain} drops or rejects before its end`
          : `what ${refusals} rules of chain ${chain} drop or reject before its end`,
      ),
    ...(facts.forwards && !refusing.some(({ way }) => way === 'forward')
      ? ['offences in traffic that is forwarded: no forward chain of table inet filter refuses anything']
      : []),
  ]
}

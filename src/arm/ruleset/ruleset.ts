/**
 * The ruleset as data: settings in, sets and chains out. What it means is said rule by rule in the parts;
 * docs/decisions/0001-the-ruleset.md says why it is built so.
 */
import type { Settings } from '../../settings/settings.ts'
import { closedMode } from '../../settings/settings.ts'
import type { ChainName, SetName } from '../names.ts'
import { entrances } from './entrances.ts'
import { judge } from './judge.ts'
import { early, out, stuck } from './reflex.ts'
import { sets } from './sets.ts'

/** One paragraph of a chain: why, then the rules that do it. */
export interface Paragraph {
  readonly why: string
  readonly rules: readonly string[]
}

export interface ChainSpec {
  readonly name: ChainName
  readonly why: string
  /** `type filter hook input priority -10; policy accept;` for a base chain. */
  readonly hook?: string
  readonly paragraphs: readonly Paragraph[]
}

export interface SetSpec {
  readonly name: SetName
  readonly why: string
  readonly type: string
  readonly flags: readonly ('timeout' | 'dynamic' | 'interval')[]
  /** Elements at most; the kernel refuses more. */
  readonly size?: number
  /** Seconds until an element goes by itself. */
  readonly timeout?: number
  /** The elements that the settings give. The file empties such a set before it fills it. */
  readonly elements?: readonly string[]
}

export interface Ruleset {
  readonly sets: readonly SetSpec[]
  readonly chains: readonly ChainSpec[]
  /** Base chains of the other mode, which must not stay behind. */
  readonly absent: readonly { name: ChainName; hook: string }[]
}

/** How offences reach the daemon. */
export type Statement = 'queue' | 'log'

export function because(why: string, ...rules: string[]): Paragraph {
  return { why, rules }
}

/** The whole trap. */
export function rulesetOf(settings: Settings, statement: Statement): Ruleset {
  const { chains, absent } = entrances(closedMode(settings))
  return {
    sets: sets(settings),
    chains: [early(), stuck(), out(), ...chains, ...judge(settings.number, statement)],
    absent,
  }
}

/**
 * What may be loaded at boot, before the daemon runs: the flies are dropped, nobody is judged, and nothing is
 * needed that a kernel could lack. The entrances are there, empty, for the administrator's jumps.
 */
export function bootRulesetOf(settings: Settings): Ruleset {
  const entrance = (name: ChainName): ChainSpec => ({
    name,
    why: 'Empty until the daemon arms the trap.',
    paragraphs: [],
  })
  return {
    sets: sets(settings),
    chains: [early(), stuck(), entrance('flypaper_input'), entrance('flypaper_forward')],
    absent: [],
  }
}

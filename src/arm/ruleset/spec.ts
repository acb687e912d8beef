/** The shapes that a ruleset is made of. */
import type { ChainName, SetName } from '../names.ts'
import type { Rule } from './rule.ts'

/** Rules that belong together. */
export interface Paragraph {
  /** What is to be known beside the comments of the rules; stands in the text alone. */
  readonly note?: string
  readonly rules: readonly Rule[]
}

export interface ChainSpec {
  readonly name: ChainName
  /** In every mode and by all settings: the kernel keeps the comment with which a chain was made. */
  readonly why: string
  /** `type filter hook input priority -10; policy accept;` for a base chain. */
  readonly hook?: string
  /** Of a base chain at ingress, as its hook names them: where one is missing, older kernels take the chain away, or refuse it. */
  readonly devices?: readonly string[]
  readonly paragraphs: readonly Paragraph[]
}

export interface SetSpec {
  readonly name: SetName
  /** By all settings, as that of a chain. */
  readonly why: string
  readonly type: string
  readonly flags?: readonly ('timeout' | 'dynamic' | 'interval')[]
  /** Elements at most; the kernel refuses more. */
  readonly size?: number
  /** Seconds until an element goes by itself. */
  readonly timeout?: number
  /** Each element counts its packets. */
  readonly counter?: boolean
  /**
   * The elements that the settings give, which may be very many: written into a text alone, which empties such a set before it fills it. Arming writes them
   * by itself.
   */
  readonly elements?: () => readonly string[]
}

export interface Ruleset {
  readonly sets: readonly SetSpec[]
  readonly chains: readonly ChainSpec[]
  /** Base chains of the other mode, which must not stay behind. */
  readonly absent: readonly { name: ChainName; hook: string }[]
}

/** How offences reach the daemon. */
export type Statement = 'queue' | 'log'

/** Each of the rules has this comment, unless it has one of its own. */
export function because(why: string, rules: readonly Rule[], note?: string): Paragraph {
  return { rules: rules.map(rule => ({ why, ...rule })), ...(note !== undefined && { note }) }
}

/** What of this machine decides about the rules. */
export interface Ground {
  /** The first of the ports from which this machine opens connections. */
  readonly firstLocalPort: number
  /** The kernel can be asked for routes (nft_fib). */
  readonly fib: boolean
  /** There are networks behind this machine. */
  readonly inside: boolean
  /** Where there are: the interfaces by which what they send goes out. */
  readonly uplinks: readonly string[]
  /** The devices at whose ingress flies are dropped: those of the settings that are here. */
  readonly ingress: readonly string[]
}

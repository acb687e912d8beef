/** The shapes that a ruleset is made of. */
import type { ChainName, SetName } from '../names.ts'

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

/** The /64 of an IPv6 address, as nft writes it. */
export const NET64 = 'and ffff:ffff:ffff:ffff::'

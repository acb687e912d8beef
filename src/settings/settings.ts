/** What the administrator wants: the shape that every stage receives, and nothing that depends on TOML or zod. */
import type { Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'

export type Forever = 'forever'

export interface Settings {
  readonly closed: 'auto' | 'unmatched' | 'listening'
  readonly capture: 'auto' | 'queue' | 'log'
  /** First of two queue numbers or NFLOG groups. */
  readonly number: number
  readonly never: readonly Prefix[]
  readonly hold: Seconds
  readonly served: Seconds
  readonly peers: Seconds
  readonly bootGrace: Seconds
  /** Chains of table inet filter to which start appends the jump. */
  readonly chains: { readonly input: readonly string[]; readonly forward: readonly string[] }
  readonly lockout: {
    readonly first: Seconds | Forever
    readonly firstUdp: Seconds | Forever
    readonly factor: number
    readonly longest: Seconds | Forever
  }
  /** Most elements that the kernel sets take. */
  readonly sizes: { readonly flypaper: number; readonly hold: number; readonly peers: number }
}

/** What counts as a closed port here: what no rule of the administrator took, or what no socket listens for. */
export function closedMode(settings: Pick<Settings, 'closed' | 'chains'>): 'unmatched' | 'listening' {
  if (settings.closed !== 'auto') return settings.closed
  return settings.chains.input.length + settings.chains.forward.length > 0 ? 'unmatched' : 'listening'
}

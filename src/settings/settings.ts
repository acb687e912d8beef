/** What the administrator wants: the shape that every stage receives, and nothing that depends on TOML or zod. */
import type { Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'

export type Forever = 'forever'

/** What counts as a closed port. */
export type Mode = 'unmatched' | 'listening' | 'unaccepted'

/** Where the log goes; "json" is standard error, too. */
export const LOG_TO = ['auto', 'journal', 'stderr', 'syslog', 'json'] as const
export type LogTo = (typeof LOG_TO)[number]

/** Where settings were read. */
export interface Origin {
  /** The files, in the order in which they count: what a later one says wins. */
  readonly files: readonly string[]
  /** What a person should know of them, though they are taken: who else may change them, what was left out. Sentences. */
  readonly remarks: readonly string[]
}

export interface Settings {
  /** Undefined for settings that were read from no file. */
  readonly origin?: Origin
  readonly closed: 'auto' | Mode
  readonly capture: 'auto' | 'queue' | 'log'
  /** First of four queue numbers or NFLOG groups. */
  readonly number: number
  readonly never: readonly Prefix[]
  readonly hold: Seconds
  readonly served: Seconds
  readonly peers: Seconds
  readonly known: Seconds
  readonly bootGrace: Seconds
  /** Chains of table inet filter to which start appends the jump. */
  readonly chains: { readonly input: readonly string[]; readonly forward: readonly string[] }
  /** Judge and say what would happen, and do nothing. */
  readonly dryRun: boolean
  readonly log: LogTo
  readonly grades: Grades
  readonly lockout: {
    readonly first: Seconds | Forever
    readonly firstUdp: Seconds | Forever
    readonly factor: number
    readonly longest: Seconds | Forever
    /** The longest lockout for evidence that anybody could have forged. */
    readonly longestForgeable: Seconds | Forever
    /** Offences within `strikeWindow` that it takes. */
    readonly strikes: number
    readonly strikeWindow: Seconds
  }
  readonly promotion: {
    /** Lockouts a second in the long run; 0: no limit. */
    readonly perSecond: number
    /** Lockouts at once, when there was none for long. */
    readonly burst: number
  }
  /** How long lockouts that are over are remembered, and how many at most. */
  readonly history: { readonly keep: Seconds | Forever; readonly most: number }
  /** Most elements that the kernel sets take. */
  readonly sizes: {
    readonly flypaper: number
    readonly hold: number
    readonly peers: number
    readonly known: number
  }
}

/**
 * What traffic is that nobody accepted: `offence` counts against its source, `silence` is dropped without an answer, and
 * `never` goes its way as without us.
 */
export interface Grades {
  readonly ping: 'never' | 'silence' | 'offence'
  readonly noise: 'silence' | 'offence'
  readonly protocols: 'never' | 'offence'
  /** Closed ports that are met with silence. */
  readonly silent: readonly SilentPort[]
}

export interface SilentPort {
  readonly protocol: 'tcp' | 'udp'
  readonly first: number
  readonly last: number
}

/**
 * What counts as a closed port: what no rule of the administrator took, what no socket listens for, or what nobody accepted.
 * The trap that is armed has no "auto" (upkeep/auto.ts); where nobody has looked at the firewall, it is the cautious one.
 */
export function closedMode(settings: Pick<Settings, 'closed' | 'chains'>): Mode {
  if (settings.closed !== 'auto') return settings.closed
  return settings.chains.input.length + settings.chains.forward.length > 0 ? 'unmatched' : 'listening'
}

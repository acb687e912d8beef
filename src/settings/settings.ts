/** What the administrator wants: the shape that every stage receives, and nothing that depends on TOML or zod. */
import type { Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'
import { type PrefixSet, prefixSet, unionOf } from '../terms/prefix-set.ts'

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

/** What never_files names, as it was read. */
export interface NeverFiles {
  /** As they stand in the settings; a folder ends in a slash. */
  readonly named: readonly string[]
  readonly files: readonly NeverFile[]
  /** Of all of them. */
  readonly prefixes: PrefixSet
  /** Another one when a file comes, goes or changes. */
  readonly version: string
}

export interface NeverFile {
  readonly file: string
  readonly prefixes: PrefixSet
}

/** Somebody whom a person has put onto the never-list. Times are milliseconds since the epoch. */
export interface NeverEntry {
  readonly prefix: Prefix
  /** Why, in the words of that person. */
  readonly because?: string
  readonly by: string
  readonly since: number
  readonly until: number | Forever
}

type Never = Pick<Settings, 'never' | 'neverFiles' | 'neverByHand'>

/** Whoever is never judged, held or locked out: what the settings name, the files that they name, and who is there by hand. */
export function neverOf({ never, neverFiles, neverByHand }: Never): PrefixSet {
  return unionOf([prefixSet(never), neverFiles.prefixes, prefixSet(neverByHand.map(({ prefix }) => prefix))])
}

/** How many there are, for whoever asks: not which. */
export function neverFacts(settings: Never) {
  const byHand = settings.neverByHand.length
  return {
    never: neverOf(settings).size,
    ...(byHand > 0 && { neverByHand: byHand }),
    neverFiles: settings.neverFiles.files.map(({ file, prefixes }) => ({ file, prefixes: prefixes.size })),
  }
}

export interface Settings {
  /** Undefined for settings that were read from no file. */
  readonly origin?: Origin
  readonly closed: 'auto' | Mode
  readonly capture: 'auto' | 'queue' | 'log'
  /** First of five queue numbers or NFLOG groups. */
  readonly number: number
  readonly never: readonly Prefix[]
  readonly neverFiles: NeverFiles
  /** Host names whose addresses are known, as they are looked up outside the daemon. */
  readonly names: readonly string[]
  /** No setting: they lie in the state directory. Empty where nobody has looked there. */
  readonly neverByHand: readonly NeverEntry[]
  /** Ports that everybody knows: who sticks reaches them all the same, unless he was locked out by hand. */
  readonly public: readonly SilentPort[]
  /** Who sticks reaches the ports of the kernel's WireGuard interfaces, however he was locked out. */
  readonly doors: boolean
  /** Networks behind this machine, for which it forwards; "auto": those that its routes tell of. */
  readonly inside: 'auto' | readonly Prefix[]
  /** Devices at whose ingress who sticks is dropped already; those that are not here yet among them. */
  readonly ingress: readonly string[]
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
  readonly evidence: EvidenceTable & Treatment
  /** Where many live behind one prefix, or one address. */
  readonly shared: {
    /** IPv6 prefixes whose hosts stick one by one. */
    readonly single: readonly Prefix[]
    /** Whose hosts are held, and never locked out. */
    readonly holdOnly: readonly Prefix[]
  }
  readonly lockout: {
    readonly first: Seconds | Forever
    /** When several different ports were tried, and when they were `manyPorts`. */
    readonly several: Seconds | Forever
    readonly many: Seconds | Forever
    readonly manyPorts: number
    /** How long after its end the ports of a lockout count. */
    readonly remember: Seconds
    /** The longest lockout for evidence that anybody could have forged. */
    readonly longestForgeable: Seconds | Forever
    /** Who still tries in the second half of a lockout stays as long again, up to `longestForgeable` in all. */
    readonly whileTrying: boolean
    /** A suspect IPv6 prefix is locked out whole, for ten minutes. */
    readonly wholePrefixes: boolean
  }
  readonly promotion: {
    /** Lockouts a second in the long run; 0: no limit. */
    readonly perSecond: number
    /** Lockouts at once, when there was none for long. */
    readonly burst: number
  }
  /** How long lockouts that are over are remembered, and how many at most. */
  readonly history: {
    readonly keep: Seconds | Forever
    readonly most: number
    /** Packets of flies, of all together, of which the daemon is told what they try; 0: none. */
    readonly samplesPerSecond: number
  }
  /** The last packets that were handed over, on the disk. */
  readonly ring: {
    readonly on: boolean
    /** Bytes. */
    readonly size: number
    /** What is older is deleted. */
    readonly age: Seconds
  }
  /** Databases that the command line reads; the empty text is none. */
  readonly geo: { readonly country: string; readonly asn: string }
  /** Who is told what: the process `flypaperd outside` reads it, the daemon does not. */
  readonly notify: Notify
  /** Most elements that the kernel sets take. */
  readonly sizes: {
    readonly flypaper: number
    readonly hold: number
    readonly peers: number
    readonly known: number
  }
}

/** What a message can be about, besides the digest. */
export const NOTICES = ['trap', 'failing', 'limit', 'ours'] as const
export type NoticeKind = (typeof NOTICES)[number]
export const DIGESTS = ['off', 'daily', 'weekly'] as const
export const TEMPLATES = ['json', 'ntfy', 'slack', 'discord', 'gotify'] as const
export type Template = (typeof TEMPLATES)[number]

/** Where a secret is: the settings never have it. The name of a credential is one of systemd. */
export type Secret = { readonly file: string } | { readonly credential: string }

export interface MailServer {
  readonly host: string
  readonly port: number
  /** `none`: to this machine alone. */
  readonly tls: 'at-once' | 'by-starttls' | 'none'
  readonly user?: string
}

export interface Notify {
  readonly mail?: {
    readonly to: readonly string[]
    readonly from: string
    readonly server: MailServer
    readonly password?: Secret
    /** The certificates that may have signed the server's, instead of the public ones. */
    readonly caFile?: string
  }
  readonly webhook?: {
    readonly url: string | Secret
    readonly template: Template
    readonly headers?: Secret
    readonly caFile?: string
  }
  /** The program and its arguments; empty for none. */
  readonly command: readonly string[]
  readonly kinds: readonly NoticeKind[]
  readonly digest: (typeof DIGESTS)[number]
  /** When the digest is sent, in minutes since midnight. */
  readonly at: number
}

/** What each port counts that a source tries, for how long, and the longest lockout that it can bring. */
export interface Weights {
  readonly excusable: number
  readonly closed: number
  readonly illegal: number
  readonly window: Seconds
  /** From its try on each port counts half for so long, where that is longer than the window. */
  readonly fade: Seconds
  readonly longest: Seconds | Forever
}

/** Each source, protocol and port counts once within its window; at a sum of `threshold` the source sticks. */
export interface EvidenceTable {
  readonly threshold: number
  readonly stranger: Weights
  readonly peer: Weights
  readonly known: Weights
}

/**
 * What traffic is that nobody accepted: `offence` counts against its source, `silence` is dropped without an answer, and
 * `never` goes its way as without us.
 */
export interface Treatment {
  readonly ping: 'never' | 'silence' | 'offence'
  readonly noise: 'silence' | 'offence'
  readonly protocols: 'never' | 'offence'
  /** Closed ports that are met with silence. */
  readonly silent: readonly SilentPort[]
  /** Closed ports that honest hosts ask for without being asked. */
  readonly excusable: readonly SilentPort[]
  /** Ports of which one that is served makes the others excusable. */
  readonly sisters: readonly (readonly SilentPort[])[]
}

/** One port, or a range of them, as the settings name them. */
export interface SilentPort {
  readonly protocol: 'tcp' | 'udp'
  readonly first: number
  readonly last: number
}

/** As the settings write it: `tcp/80`, `udp/6000-6010`. */
export function portText({ protocol, first, last }: SilentPort): string {
  return `${protocol}/${first === last ? first : `${first}-${last}`}`
}

/**
 * What counts as a closed port: what no rule of the administrator took, what no socket listens for, or what nobody accepted.
 * The trap that is armed has no "auto" (upkeep/auto.ts); where nobody has looked at the firewall, it is the cautious one.
 */
export function closedMode(settings: Pick<Settings, 'closed' | 'chains'>): Mode {
  if (settings.closed !== 'auto') return settings.closed
  return settings.chains.input.length + settings.chains.forward.length > 0 ? 'unmatched' : 'listening'
}

/** What a packet has earned, and why. The reason travels: log, list, history and counters all show it. */
import type { Seconds } from '../terms/duration.ts'
import type { Piece } from './evidence.ts'

/** Why a source sticks. */
export const GUILTS = [
  'closed-port',
  'illegal-flags',
  'icmp-question',
  'ping',
  'unknown-protocol',
  'hidden-header',
  'distinct-ports',
  'many-networks',
] as const
export type Guilt = (typeof GUILTS)[number]

/**
 * Why a source does not stick, although its packet was not accepted. `peer`, `known` and `late`: what a host that we talk to or a
 * known client tried, or what is excusable, does not sum up to enough; `refused`: of either of the first two, to a port
 * that listens and that somebody's rule refuses. `served`: somebody listens there, unseen by the kernel's rules. `strike`: a stranger's offence, where the settings want more than one. `shared`: enough of
 * an address that many share by the settings.
 */
export const INNOCENCES = [
  'unreadable',
  'never-list',
  'near',
  'no-host',
  'peer',
  'known',
  'late',
  'refused',
  'served',
  'strike',
  'shared',
] as const
export type Innocence = (typeof INNOCENCES)[number]

/**
 * How good the evidence is. `forgeable`: anybody can have sent it in the source's name; `forgeable-known`: the same, in the name of a
 * host that we talk to or of a known client; `by-hand`: a person or a tool of this host wanted it; `testimony`: another host
 * says so. `proven`, an offence on a completed handshake, is reserved: nothing brings it yet, and nothing may depend on it.
 */
export const GRADES = ['forgeable', 'forgeable-known', 'by-hand', 'testimony', 'proven'] as const
export type Grade = (typeof GRADES)[number]

export type Verdict = Stick | Spare

export interface Stick {
  readonly verdict: 'stick'
  readonly because: Guilt
  readonly grade: Grade
  /** All that counts against the source. */
  readonly evidence: readonly Piece[]
  /** The longest lockout that this evidence can bring. */
  readonly longest: Seconds | 'forever'
}

/** It does not stick; `evidence` is what counts against it nevertheless. */
export type Spare =
  /** The kernel goes on holding the source. */
  | { readonly verdict: 'strike'; readonly because: 'strike' | 'shared'; readonly evidence: readonly Piece[] }
  | {
      readonly verdict: 'let-go'
      readonly because: Exclude<Innocence, 'strike' | 'shared'>
      readonly evidence?: readonly Piece[]
    }

export function letGo(because: Exclude<Innocence, 'strike' | 'shared'>): Spare {
  return { verdict: 'let-go', because }
}

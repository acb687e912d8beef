/** What a packet has earned, and why. The reason travels: log, list, history and counters all show it. */

/** Why a source sticks. */
export const GUILTS = [
  'closed-port',
  'illegal-flags',
  'icmp-question',
  'ping',
  'unknown-protocol',
  'distinct-ports',
] as const
export type Guilt = (typeof GUILTS)[number]

/**
 * Why a source does not stick, although its packet was not accepted. `peer`, `known` and `late`: one packet of a host
 * that we talk to, of a known client, or one that may only be late, is not enough; `refused`: of either of the first two, to a port
 * that listens and that somebody's rule refuses. `strike`: not the last one yet.
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
  'strike',
] as const
export type Innocence = (typeof INNOCENCES)[number]

export type Verdict =
  /** `forgeable`: anybody could have sent this in the source's name. */
  | { readonly verdict: 'stick'; readonly because: Guilt; readonly forgeable: boolean }
  /** The kernel goes on holding the source, and it counts. */
  | { readonly verdict: 'strike'; readonly because: 'strike' }
  | { readonly verdict: 'let-go'; readonly because: Exclude<Innocence, 'strike'> }

export function stick(because: Guilt, { forgeable = true } = {}): Verdict {
  return { verdict: 'stick', because, forgeable }
}

export function letGo(because: Exclude<Innocence, 'strike'>): Verdict {
  return { verdict: 'let-go', because }
}

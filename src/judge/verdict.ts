/** What a packet has earned, and why. The reason travels: log, list, history and counters all show it. */

/** Why a source sticks. */
export type Guilt = 'closed-port' | 'unknown-protocol' | 'icmp-question' | 'distinct-ports'
/** Why a source does not stick, although its packet was not accepted. */
export type Innocence = 'unreadable' | 'never-list' | 'near' | 'no-host' | 'weak-evidence'

export const INNOCENCES: readonly Innocence[] = [
  'unreadable',
  'never-list',
  'near',
  'no-host',
  'weak-evidence',
]

export type Verdict =
  | { readonly verdict: 'stick'; readonly because: Guilt }
  | { readonly verdict: 'let-go'; readonly because: Innocence }

export function stick(because: Guilt): Verdict {
  return { verdict: 'stick', because }
}

export function letGo(because: Innocence): Verdict {
  return { verdict: 'let-go', because }
}

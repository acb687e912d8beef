/**
 * closed = "auto": it takes what the doctor recommends, when the trap is armed and whenever the firewall beside it has changed. What could
 * hurt somebody is left at once. Any other mode is taken when the rules have been at rest, and longer each time, so that two
 * programs that change them in turn cannot make it flap. Pure; times are seconds of a clock that is never set.
 */
import type { Choice, ChoiceFacts } from './choice.ts'

/** What "auto" took, and why. */
export type Auto = Choice

/** Looks at the firewall that is here, and changes nothing. */
export type LookAtFirewall = () => Omit<ChoiceFacts, 'settings'>

export function autoSentence({ mode, because }: Auto): string {
  return `closed = "auto" takes "${mode}", since ${because}`
}

/** What is remembered from look to look. */
export interface Following {
  /** Since when the looks find that another mode fits. */
  readonly since?: number | undefined
  /** When the trap has followed lately, not because of a doubt. */
  readonly followed: readonly number[]
}

export interface Moment {
  readonly now: number
  /** For how long nobody has changed the rules, as far as that is announced. */
  readonly rest: number
  /** After how long they are at rest. */
  readonly enough: number
}

/** Rules that are never at rest, and a mode that has fitted for so long: then it is taken all the same. */
const STEADY_SECONDS = 60
/** Each time within an hour the rules have to be at rest for twice as long. */
const LATELY_SECONDS = 3600

export type Review =
  | { readonly review: 'same'; readonly following: Following }
  | {
      readonly review: 'take'
      readonly following: Following
      readonly isWeaker: boolean
      readonly text: string
    }
  /** Another mode would fit, in so many seconds perhaps. */
  | { readonly review: 'wait'; readonly following: Following; readonly seconds: number }

/** What becomes of what "auto" has taken, when it would take `next` now. */
export function reviewOf(auto: Auto, next: Auto, following: Following, moment: Moment): Review {
  const { now, rest, enough } = moment
  const followed = following.followed.filter(at => now - at < LATELY_SECONDS)
  if (isSame(auto, next)) return { review: 'same', following: { followed } }
  const text = `the firewall has changed: ${autoSentence(next)}`
  if (next.isCautious) {
    const why = `; "${auto.mode}" could hurt somebody now`
    return { review: 'take', following: { followed }, isWeaker: true, text: `${text}${why}` }
  }
  const { since = now } = following
  const needed = enough * 2 ** followed.length
  const settled = Math.min(rest, now - since)
  if (settled < needed && now - since < Math.max(needed, STEADY_SECONDS)) {
    return { review: 'wait', following: { since, followed }, seconds: needed - settled }
  }
  const isWeaker = auto.mode === 'unaccepted' && next.mode === 'listening'
  const why = isWeaker ? ', which sees less than "unaccepted"' : ''
  return { review: 'take', following: { followed: [...followed, now] }, isWeaker, text: `${text}${why}` }
}

function isSame(one: Auto, other: Auto): boolean {
  return one.mode === other.mode && JSON.stringify(one.knocks) === JSON.stringify(other.knocks)
}

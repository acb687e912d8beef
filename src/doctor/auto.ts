/**
 * closed = "auto": which mode it takes is decided when the trap is armed, as the doctor recommends, and stays. When the firewall changes
 * meanwhile, that is said, and the next start or reload decides anew. Only from what could hurt somebody now the trap goes back
 * to "listening" by itself, and stays there: so two programs that change the rules in turn cannot make it flap. Pure.
 */
import type { Settings } from '../settings/settings.ts'
import { type Choice, type ChoiceFacts, choose } from './choice.ts'

/** What "auto" took, and why. */
export type Auto = Choice

/** Looks at the firewall that is here, and changes nothing. */
export type LookAtFirewall = () => Omit<ChoiceFacts, 'settings'>

export function autoOf(settings: Settings, look: LookAtFirewall): Auto {
  return choose({ ...look(), settings })
}

export function autoSentence({ mode, because }: Auto): string {
  return `closed = "auto" takes "${mode}", since ${because}`
}

/** `take`: what must be taken instead at once. `warning`, `remark`: what is to be said of it. */
export type Review =
  | { readonly review: 'same' }
  | { readonly review: 'take'; readonly auto: Auto; readonly warning: string }
  | { readonly review: 'other'; readonly remark: string }

/** Whether "auto" would take another mode now. */
export function reviewOf(settings: Settings, auto: Auto, look: LookAtFirewall): Review {
  const now = autoOf(settings, look)
  if (now.mode === auto.mode) return { review: 'same' }
  const sentence = autoSentence(now)
  if (now.mode === 'listening' && now.isCautious) {
    const warning = `the firewall has changed: ${sentence}; "${auto.mode}" could hurt somebody now`
    return { review: 'take', auto: now, warning }
  }
  const remark = `the firewall has changed: a start or reload now, and ${sentence}; until then it is "${auto.mode}"`
  return { review: 'other', remark }
}

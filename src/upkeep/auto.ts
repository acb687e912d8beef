/**
 * closed = "auto": which mode it takes is decided when the trap is armed, as the doctor recommends, and stays. When the firewall changes
 * meanwhile, that is said, and the next start or reload decides anew. Only from what could hurt somebody now the trap goes back
 * to "listening" by itself, and stays there: so two programs that change the rules in turn cannot make it flap.
 */
import { type Choice, type ChoiceFacts, choose } from '../doctor/choice.ts'
import type { Log } from '../record/log.ts'
import type { Settings } from '../settings/settings.ts'

/** Looks at the firewall that is here, and changes nothing. */
export type LookAtFirewall = () => Omit<ChoiceFacts, 'settings'>

export interface Decision {
  /** As they were asked for, with a mode in place of "auto". */
  readonly settings: Settings
  /** What "auto" took, and why; undefined when the settings name a mode themselves. */
  readonly auto: Choice | undefined
}

export function decide(settings: Settings, look: LookAtFirewall): Decision {
  if (settings.closed !== 'auto') return { settings, auto: undefined }
  const auto = choose({ ...look(), settings })
  return { settings: { ...settings, closed: auto.mode }, auto }
}

export function autoSentence({ mode, because }: Choice): string {
  return `closed = "auto" takes "${mode}", since ${because}`
}

/** Looks again, now and then. Returns what must be taken instead at once; says what would be taken now, once. */
export function reviewer(look: LookAtFirewall, log: Log): (decision: Decision) => Decision | undefined {
  let said = ''
  return ({ settings, auto }) => {
    if (auto === undefined) return undefined
    const now = choose({ ...look(), settings })
    if (now.mode === auto.mode) {
      said = ''
      return undefined
    }
    if (now.mode === 'listening' && now.isCautious) {
      log.warn(`the firewall has changed: ${autoSentence(now)}; "${auto.mode}" could hurt somebody now`)
      return { settings: { ...settings, closed: 'listening' }, auto: now }
    }
    const sentence = autoSentence(now)
    if (said !== sentence)
      log.info(
        `the firewall has changed: a start or reload now, and ${sentence}; until then it is "${auto.mode}"`,
      )
    said = sentence
    return undefined
  }
}

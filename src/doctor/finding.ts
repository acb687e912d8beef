/** What the doctor says. */

/** The questions that it answers, in their order. */
export const QUESTIONS = ['firewall', 'place', 'closed', 'mode', 'needs', 'danger'] as const
export type Question = (typeof QUESTIONS)[number]

/** `careful`: it works, and somebody could be hurt or missed; `missing`: it does not work like this. */
export type Severity = 'ok' | 'note' | 'careful' | 'missing'

export interface Finding {
  readonly about: Question
  readonly severity: Severity
  /** One sentence or two. */
  readonly text: string
  /** What to do about it. */
  readonly advice?: string | undefined
}

/** Makes findings about one question. */
export function teller(about: Question) {
  return (severity: Severity, text: string, advice?: string): Finding => ({ about, severity, text, advice })
}

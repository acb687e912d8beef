/** The dry run: the same rules, but nothing is held, dropped or answered differently. */
import { COUNT_SETS, type SetName } from '../names.ts'
import type { Act, Rule } from './rule.ts'
import type { Paragraph, Ruleset } from './spec.ts'

/** Nobody is held, so every packet of a scan is an offence again: what the daemon need not see is not handed over. */
const LIMIT = 'limit rate 2000/second burst 4000 packets'

/** What is counted is counted in order to hold. Who is pending with closed = "unaccepted" is so in order to be found. */
const HOLDS: readonly SetName[] = ['flypaper_hold', 'flypaper_linked', ...COUNT_SETS]

/** Where a rule would end a packet's way, it sends the packet back to where it came from; no rule holds a source. */
export function harmless(ruleset: Ruleset): Ruleset {
  return {
    ...ruleset,
    chains: ruleset.chains.map(chain => ({ ...chain, paragraphs: chain.paragraphs.flatMap(spared) })),
  }
}

function spared(paragraph: Paragraph): readonly Paragraph[] {
  const rules = paragraph.rules.filter(({ acts }) => !acts.some(holds)).map(spare)
  return rules.length === 0 ? [] : [{ ...paragraph, rules }]
}

function holds(act: Act): boolean {
  return typeof act === 'object' && 'put' in act && act.put !== 'delete' && HOLDS.includes(act.set)
}

function spare(rule: Rule): Rule {
  return {
    ...rule,
    acts: rule.acts.map(act => {
      if (act === 'drop' || act === 'accept') return 'return'
      return typeof act === 'object' && 'tell' in act ? { limit: LIMIT, ...act } : act
    }),
  }
}

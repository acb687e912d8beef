/** The dry run: the same rules, but nothing is held, dropped or answered differently. */
import type { Ruleset } from './spec.ts'

/** Nobody is held, so every packet of a scan is an offence again: what the daemon need not see is not handed over. */
const LIMIT = 'limit rate 2000/second burst 4000 packets'

/** Where a rule would end a packet's way, it sends the packet back to where it came from; no rule holds a source. */
export function harmless(ruleset: Ruleset): Ruleset {
  return {
    ...ruleset,
    chains: ruleset.chains.map(chain => ({
      ...chain,
      paragraphs: chain.paragraphs
        .map(({ why, rules }) => ({
          why,
          rules: rules.filter(rule => !/(add|update) @flypaper_hold/.test(rule)).map(spare),
        }))
        .filter(({ rules }) => rules.length > 0),
    })),
  }
}

function spare(rule: string): string {
  if (/^(queue|log) /.test(rule)) return `${LIMIT} ${rule}`
  return rule.replace(/\b(drop|accept)(?= comment "|$)/, 'return')
}

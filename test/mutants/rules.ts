/** Each rule of the reflex and of the entrances in turn is left out: the tests of single rules must notice. */
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import type { Mutant } from '../mutants.ts'

/** Chains whose rules come from one place in the source, so that the same rule goes from all of them. */
const PARTS = [
  { chains: ['flypaper_early'], test: 'test/kernel/reflex-rules.test.ts' },
  { chains: ['flypaper_stuck'], test: 'test/kernel/reflex-rules.test.ts' },
  { chains: ['flypaper_out'], test: 'test/kernel/reflex-rules.test.ts' },
  {
    chains: ['flypaper_listening', 'flypaper_input', 'flypaper_forward'],
    test: 'test/kernel/entrance-rules.test.ts',
  },
]

/** Rules without which everything is the same, only slower. */
const ONLY_FASTER = ['ct direction original return']

export function ruleMutants(): readonly Mutant[] {
  const chains = ['listening', 'unmatched'].flatMap(
    closed => rulesetOf(parseSettings(`closed = "${closed}"`, 'mutants'), 'log').chains,
  )
  return PARTS.flatMap(part => {
    const rules = chains
      .filter(({ name }) => part.chains.includes(name))
      .flatMap(({ paragraphs }) => paragraphs.flatMap(paragraph => paragraph.rules))
    return [...new Set(rules)]
      .filter(rule => !ONLY_FASTER.includes(rule))
      .map(rule => without(rule, part.chains, part.test))
  })
}

function without(rule: string, chains: readonly string[], test: string): Mutant {
  const isGone = `${JSON.stringify(chains)}.includes(chain.name) && rule === ${JSON.stringify(rule)}`
  return {
    what: `${chains.join(', ')}: no “${rule}”`,
    file: 'src/arm/ruleset/render.ts',
    change: [/\brules\.join\(/, `rules.filter(rule => !(${isGone.replaceAll('$', '$$$$')})).join(`],
    tests: [test],
  }
}

/** Each rule of the reflex and of the entrances in turn is left out: the tests of single rules must notice. */
import { textsOf } from '../../src/arm/ruleset/rule-text.ts'
import { rulesetOf, rulesIn } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import type { Mutant } from '../mutants.ts'

/** Chains whose rules come from one place in the source, so that the same rule goes from all of them. */
const PARTS = [
  { chains: ['flypaper_early'], test: 'test/kernel/reflex-rules.test.ts' },
  { chains: ['flypaper_stuck'], test: 'test/kernel/reflex-rules.test.ts' },
  { chains: ['flypaper_reach', 'flypaper_to_stuck'], test: 'test/kernel/called.test.ts' },
  { chains: ['flypaper_out'], test: 'test/kernel/reflex-rules.test.ts' },
  { chains: ['flypaper_ours'], test: 'test/kernel/reflex-rules.test.ts' },
  {
    chains: ['flypaper_listening', 'flypaper_input', 'flypaper_forward'],
    test: 'test/kernel/entrance-rules.test.ts',
  },
  { chains: ['flypaper_silent'], test: 'test/kernel/silent-rules.test.ts' },
  { chains: ['flypaper_heard'], test: 'test/kernel/silent-rules.test.ts' },
]

/** Chains that only a trap with `silent` has. */
const SILENCE = ['flypaper_silent', 'flypaper_heard']

/** Without these all is judged as before, by more rules. */
const SHORTCUT = /^meta nfproto ipv4 return |"a shortcut: /

const CHAINS = [
  'closed = "listening"',
  'closed = "unmatched"',
  'closed = "unaccepted"\n[evidence]\nsilent = ["tcp/113"]',
].flatMap((toml, i) =>
  rulesetOf(parseSettings(toml, 'mutants'), 'log').chains.filter(
    ({ name }) => i < 2 || SILENCE.includes(name),
  ),
)

export function ruleMutants(): readonly Mutant[] {
  return PARTS.flatMap(({ chains, test }) =>
    [...new Set(rulesOf(chains))]
      .filter(rule => !SHORTCUT.test(rule))
      .map(rule => withoutRules(`${chains.join(', ')}: no “${rule}”`, chains, [rule], test)),
  )
}

/** The same, for the rules of one chain that match; an Error when there are none any more. */
export function withoutRulesLike(what: string, chain: string, like: RegExp, test: string): Mutant {
  const rules = rulesOf([chain]).filter(rule => like.test(rule))
  if (rules.length === 0) throw new Error(`${what}: there is nothing in ${chain} to break any more`)
  return withoutRules(what, [chain], rules, test)
}

/** As the text has them, a line for each family. */
function rulesOf(chains: readonly string[]): string[] {
  return rulesIn(CHAINS.filter(({ name }) => chains.includes(name))).flatMap(textsOf)
}

function withoutRules(
  what: string,
  chains: readonly string[],
  rules: readonly string[],
  test: string,
): Mutant {
  const isGone = `${JSON.stringify(chains)}.includes(chain.name) && ${JSON.stringify(rules)}.includes(rule)`
  return {
    what,
    file: 'src/arm/ruleset/render.ts',
    change: [/\brules\.join\(/, `rules.filter(rule => !(${isGone.replaceAll('$', '$$$$')})).join(`],
    tests: [test],
  }
}

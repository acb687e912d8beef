/** The breaks that would make the whole thing pointless. Run in CI, so each is to die quickly. */
import type { Mutant } from '../mutants.ts'
import { withoutRulesLike } from './rules.ts'

export const CORE: readonly Mutant[] = [
  withoutRulesLike(
    'the hold rule is gone',
    'flypaper_offence',
    /^add @flypaper_hold /,
    'test/kernel/burst.test.ts',
  ),
  withoutRulesLike(
    'nothing is handed over to the daemon',
    'flypaper_offence',
    /log group/,
    'test/kernel/first-lockout.test.ts',
  ),
  withoutRulesLike(
    'the third port of a known client shuts nobody out',
    'flypaper_new_known',
    /@flypaper_count_known/,
    'test/kernel/third-port.test.ts',
  ),
  {
    what: 'a repetition counts',
    file: 'src/arm/ruleset/weak.ts',
    change: [', limit: ONCE }', ' }'],
    tests: ['test/kernel/third-port.test.ts'],
  },
  withoutRulesLike(
    'the never-list is not asked before the judge',
    'flypaper_judge',
    /^ip saddr @flypaper_never/,
    'test/kernel/never-list.test.ts',
  ),
  withoutRulesLike(
    'the never-list is not asked for those who are in a set',
    'flypaper_stuck',
    /^ip saddr @flypaper_never/,
    'test/kernel/reflex-rules.test.ts',
  ),
  {
    what: 'a fly that has become near is put into the set at start',
    file: 'src/daemon/run.ts',
    change: [/ {2}letGoSpared\(\{.*\n/, ''],
    tests: ['test/kernel/never-list.test.ts'],
  },
  {
    what: 'whoever is never locked out may be put into the set by hand',
    file: 'src/lockout/decide/adopt.ts',
    change: ['sparedAmong(names, spared)', '[] as Fly[]'],
    tests: ['test/kernel/never-list.test.ts'],
  },
  {
    what: 'the judge always lets go',
    file: 'src/judge/judge.ts',
    change: [
      "return { verdict: 'stick', because, grade, evidence, longest }",
      'return below(channel, evidence)',
    ],
    tests: ['test/judge/judge.test.ts'],
  },
  {
    what: 'the database is not written',
    file: 'src/lockout/commit.ts',
    change: ['history.add(coming)', 'void coming'],
    tests: ['test/lockout/commit.test.ts'],
  },
  {
    what: 'the reader is not kept from the garbage collector',
    file: 'packages/nfnetlink/src/socket.ts',
    change: ['handle = koffi.node.poll(', 'koffi.node.poll('],
    tests: ['packages/nfnetlink/test/gc.test.ts'],
  },
]

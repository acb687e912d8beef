/** The breaks that would make the whole thing pointless. Run in CI, so each is to die quickly. */
import type { Mutant } from '../mutants.ts'

export const CORE: readonly Mutant[] = [
  {
    what: 'the hold rule is gone',
    file: 'src/arm/ruleset/judge.ts',
    change: [/'add @flypaper_hold \{ ip saddr \}',/, ''],
    tests: ['test/kernel/burst.test.ts'],
  },
  {
    what: 'nothing is handed over to the daemon',
    file: 'src/arm/ruleset/judge.ts',
    change: [/because\('Tell the daemon.', handOver\),/, ''],
    tests: ['test/kernel/first-lockout.test.ts'],
  },
  {
    what: 'the never-list is not asked before the judge',
    file: 'src/arm/ruleset/entrances.ts',
    change: [/'ip saddr @flypaper_never return',/, ''],
    tests: ['test/kernel/never-list.test.ts'],
  },
  {
    what: 'the never-list is not asked for those who are in a set',
    file: 'src/arm/ruleset/reflex.ts',
    change: [/'ip saddr @flypaper_never return',/, ''],
    tests: ['test/kernel/never-list.test.ts'],
  },
  {
    what: 'the judge always lets go',
    file: 'src/judge/judge.ts',
    change: ['return offence(evidence)', "return letGo('weak-evidence')"],
    tests: ['test/judge/judge.test.ts'],
  },
  {
    what: 'the database is not written',
    file: 'src/lockout/flypaper.ts',
    change: ['memory.add(lockouts)', 'void memory'],
    tests: ['test/lockout/flypaper.test.ts'],
  },
  {
    what: 'the reader is not kept from the garbage collector',
    file: 'src/system/nfnetlink/socket.ts',
    change: ['handle = koffi.node.poll(', 'koffi.node.poll('],
    tests: ['test/system/nfnetlink/gc.test.ts'],
  },
]

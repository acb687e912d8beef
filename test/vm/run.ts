/**
 * `npm run test:vm [FILE…]`: boots Debian's own kernel, which has nft_queue, and runs tests inside; those below
 * unless told. The guest reads a copy of the checkout, which may be edited meanwhile. Nothing of it is left.
 *
 * The last line is `N passed, N failed, N skipped`; a guest that dies or hangs is a failure.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { copyCheckout } from '../support/copy.ts'
import { makePrograms } from '../support/made-programs.ts'
import { runGuest } from './guest.ts'
import { outcomeOf } from './outcome.ts'

const TESTS = [
  'test/vm/inside/queue.test.ts',
  'test/vm/inside/golden.test.ts',
  'test/vm/inside/clock.test.ts',
  'test/vm/inside/vrf.test.ts',
  'test/vm/inside/wireguard.test.ts',
  'test/vm/inside/flowtable.test.ts',
  'test/vm/inside/ipvs.test.ts',
  'test/kernel/scans.test.ts',
  'test/kernel/burst.test.ts',
  'test/kernel/forwarded.test.ts',
]
/** Everything is slower inside, JavaScript most of all. */
const PATIENCE = 20
const LIMIT_MINUTES = Number(process.env.FLYPAPERD_VM_MINUTES ?? 45)

process.chdir(new URL('../..', import.meta.url).pathname)
const began = Date.now()
const kernel = resolve('node_modules/.cache/flypaperd-vm')
const release = execFileSync('sh', ['test/vm/kernel.sh', kernel], { stdio: ['ignore', 'pipe', 'inherit'] })
  .toString()
  .trim()
const copy = copyCheckout()
const programs = await makePrograms(copy.directory)
const scratch = mkdtempSync(join(tmpdir(), 'flypaperd-vm-'))
process.once('exit', () => {
  copy[Symbol.dispose]()
  rmSync(scratch, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]))

const tests = process.argv.length > 2 ? process.argv.slice(2) : TESTS
console.log(`vm: Linux ${release}, software emulation: ${tests.join(', ')}`)
const said = await runGuest({
  kernel,
  scratch,
  words: {
    checkout: copy.directory,
    programs: programs.folder,
    modules: `${kernel}/root/lib/modules`,
    patience: String(PATIENCE),
    tries: process.env.FLYPAPERD_TRIES ?? '1',
    tests: tests.join(','),
  },
  limit: began + LIMIT_MINUTES * 60_000 - Date.now(),
})
const { passed, failed, skipped, complaint } = outcomeOf(said)
if (complaint !== undefined) console.log(`vm: ${complaint}`)
console.log(`vm: ${((Date.now() - began) / 60_000).toFixed(1)} minutes`)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1

/**
 * The package on a Debian 12 with systemd and Debian's own kernel, with nft's `queue`: under QEMU's software emulation,
 * booted three times from a disk of its own. Nothing of the guest is left; the host's checkout is read-only inside.
 *
 * The last line is `N passed, N failed, N skipped`; a boot that did not come to its end is a failure.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { packages } from '../../install/package.ts'
import { runGuest } from '../guest.ts'

const BOOTS = 3
/** Everything is slower inside, JavaScript most of all. */
const PATIENCE = 20
const LIMIT_MINUTES = Number(process.env.FLYPAPERD_VM_MINUTES ?? 45)

process.chdir(new URL('../../..', import.meta.url).pathname)
const scratch = mkdtempSync(join(tmpdir(), 'flypaperd-vm-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]))

const { cache, package: file, next } = await packages()
const kernel = resolve('node_modules/.cache/flypaperd-vm')
const [root, disk, initramfs] = ['root', 'disk', 'initramfs'].map(name => join(scratch, name)) as [
  string,
  string,
  string,
]
sh('test/vm/kernel.sh', kernel)
sh('test/vm/systemd/root.sh', cache, root, '/host', String(PATIENCE), file, next)
sh('test/vm/systemd/disk.sh', kernel, root, process.cwd(), disk, initramfs)
rmSync(root, { recursive: true })

const began = Date.now()
console.log(`vm: the package, on Debian 12 with systemd, software emulation, ${BOOTS} boots`)
const said = await runGuest({ kernel, scratch, words: {}, disk, initramfs, limit: LIMIT_MINUTES * 60_000 })
const totals = [0, 0, 0]
for (const [, ...counts] of said.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm))
  for (const [i, count] of counts.entries()) totals[i]! += Number(count)
const boots = [...said.matchAll(/^systemd: boot \d: exit status/gm)].length
if (boots < BOOTS) {
  console.log(`vm: the guest ended in boot ${boots + 1} of ${BOOTS}`)
  totals[1]! += 1
}
console.log(`vm: ${((Date.now() - began) / 60_000).toFixed(1)} minutes`)
console.log(`${totals[0]} passed, ${totals[1]} failed, ${totals[2]} skipped`)
process.exitCode = totals[0]! > 0 && totals[1] === 0 ? 0 : 1

function sh(script: string, ...args: string[]): void {
  execFileSync('sh', [script, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
}

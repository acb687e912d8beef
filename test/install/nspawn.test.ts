/** The package on a Debian 12 with systemd, which is booted three times on this machine's own kernel, with NFLOG. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { must, PATIENCE, run } from '../support/process.ts'
import { packages } from './package.ts'

const BOOTS = 3

test('systemd-nspawn: install, use, upgrade, reboot, purge', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-nspawn-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { cache, package: file, next } = await packages()
  const checkout = '/host'
  const script = 'test/vm/systemd/root.sh'
  await must(['sh', script, cache, folder, checkout, String(PATIENCE), file, next], { timeout: 300_000 })
  const command = [
    ...NSPAWN,
    `--directory=${folder}`,
    `--bind-ro=${process.cwd()}:${checkout}`,
    '--boot',
    'systemd.show_status=0',
  ]
  for (let boot = 1; boot <= BOOTS; boot++) {
    const { stdout } = await run(command, { timeout: 200_000 })
    assert.match(stdout, new RegExp(`^systemd: boot ${boot}: exit status 0`, 'm'), stdout)
    t.diagnostic(`boot ${boot}: ${/^\d+ passed, .*$/m.exec(stdout)?.[0]}`)
  }
})

/** A network of its own; no traces in this machine's list of machines. When it is killed, so is everything in it. */
const NSPAWN = [
  'unshare',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  'systemd-nspawn',
  '--quiet',
  '--private-network',
  '--capability=CAP_NET_ADMIN',
  '--register=no',
  '--keep-unit',
  '--console=read-only',
]

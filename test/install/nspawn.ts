/** A Debian 12 with systemd, booted on this machine's own kernel, with NFLOG. */
import assert from 'node:assert/strict'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { must, PATIENCE, run } from '../support/process.ts'
import { packages } from './package.ts'

/** Where it finds this checkout. */
const CHECKOUT = '/host'

interface Series {
  /** The tests that run there: `test/vm/systemd/SERIES-*.test.ts`, one file a boot. */
  readonly series: string
  /** A package of Debian that is there in addition. */
  readonly more?: string
}

/** Makes such a root in a folder. What takes minutes is kept for the next time. */
export async function makeRoot(folder: string, { series, more }: Series): Promise<void> {
  const { cache, package: file, next } = await packages()
  const named = [series, ...(more === undefined ? [] : [more])]
  const script = ['test/vm/systemd/root.sh', cache, folder, CHECKOUT, String(PATIENCE), file, next, ...named]
  await must(['sh', ...script], { timeout: 600_000 })
}

/** All boots of a series must succeed. Nothing of the machine is left, nor after a time-out, which only hooks of the test outlive. */
export async function boots(t: TestContext, series: Series): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-nspawn-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  await makeRoot(folder, series)
  const command = [
    ...NSPAWN,
    `--directory=${folder}`,
    `--bind-ro=${process.cwd()}:${CHECKOUT}`,
    '--boot',
    'systemd.show_status=0',
  ]
  const { length } = globSync(`test/vm/systemd/${series.series}-*.test.ts`)
  assert.ok(length > 0)
  for (let boot = 1; boot <= length; boot++) {
    const { stdout } = await run(command, { timeout: 200_000 })
    assert.match(stdout, new RegExp(`^systemd: boot ${boot}: exit status 0`, 'm'), stdout)
    t.diagnostic(`boot ${boot}: ${/^\d+ passed, .*$/m.exec(stdout)?.[0]}`)
  }
}

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

/** What the tests of installing need and takes minutes to make: the packages, and the Debian 12s to install them in. */
import { existsSync, rmSync } from 'node:fs'
import { must } from '../support/process.ts'
import { makeRoot } from './nspawn.ts'
import { packages } from './package.ts'

const { cache } = await packages()
const folder = `${cache}/root`
for (const series of [{ series: 'boot' }, { series: 'fail2ban', more: 'fail2ban' }]) {
  rmSync(folder, { recursive: true, force: true })
  await makeRoot(folder, series)
}
rmSync(folder, { recursive: true })
const base = `${cache}/base.tar`
// In a mount namespace of its own: what it mounts goes with it, also when it is killed.
const make = ['unshare', '--mount', '--propagation', 'private', 'mmdebstrap', '--quiet', '--variant=minbase']
if (!existsSync(base)) await must([...make, 'bookworm', base], { timeout: 600_000 })

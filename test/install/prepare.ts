/** What the tests of installing need and takes minutes to make: the packages, and Debian 12 to install them in. */
import { existsSync, rmSync } from 'node:fs'
import { must } from '../support/process.ts'
import { packages } from './package.ts'

const { cache, package: file, next } = await packages()
const folder = `${cache}/root`
await must(['sh', 'test/vm/systemd/root.sh', cache, folder, '/host', '1', file, next], { timeout: 600_000 })
rmSync(folder, { recursive: true })
const base = `${cache}/base.tar`
if (!existsSync(base))
  await must(['mmdebstrap', '--quiet', '--variant=minbase', 'bookworm', base], { timeout: 600_000 })

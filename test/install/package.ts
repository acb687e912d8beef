/** The Debian package of this checkout, and a newer one of the same content to upgrade to. */
import { existsSync, globSync, mkdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { must } from '../support/process.ts'

const CACHE = resolve('node_modules/.cache/flypaperd-install')
const INPUTS = [
  'src/**',
  'packaging/**',
  'man/*',
  'completions/*',
  'docs/*',
  'package-lock.json',
  'scripts/*.sh',
]

export interface Packages {
  readonly cache: string
  readonly package: string
  readonly next: string
}

/** Builds them unless they are newer than everything that is in them. */
export async function packages(): Promise<Packages> {
  const { version } = JSON.parse(await must(['cat', 'package.json'])) as { version: string }
  const architecture = (await must(['dpkg', '--print-architecture'])).trim()
  const file = resolve(`build/flypaperd_${version}_${architecture}.deb`)
  const next = `${CACHE}/flypaperd-next.deb`
  mkdirSync(CACHE, { recursive: true })
  const age = (path: string) => (existsSync(path) ? statSync(path).mtimeMs : 0)
  const newest = Math.max(...INPUTS.flatMap(pattern => globSync(pattern)).map(age))
  if (age(file) < newest) await must(['sh', 'scripts/build-deb.sh'], { timeout: 300_000 })
  if (age(next) < age(file)) await must(['sh', '-c', REPACK, 'sh', file, next])
  return { cache: CACHE, package: file, next }
}

const REPACK = `set -e
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
dpkg-deb -R "$1" "$work/root"
sed -i 's/^Version: .*/&+next/' "$work/root/DEBIAN/control"
dpkg-deb -Znone --root-owner-group -b "$work/root" "$2.new" >/dev/null && mv "$2.new" "$2"`

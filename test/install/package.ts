/** The Debian package of this checkout, and others of the same content to upgrade from and to. */
import { existsSync, globSync, mkdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { must } from '../support/process.ts'

const CACHE = resolve('node_modules/.cache/flypaperd-install')
const INPUTS = [
  'src/**',
  'packages/*/src/**',
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
  /** An older one, with the settings as the conffile that 0.1.0 had. */
  readonly old: string
  /** A newer one, with the settings as another conffile. */
  readonly other: string
}

/** Builds them unless they are newer than everything that is in them. */
export async function packages(): Promise<Packages> {
  const { version } = JSON.parse(await must(['cat', 'package.json'])) as { version: string }
  const architecture = (await must(['dpkg', '--print-architecture'])).trim()
  const file = resolve(`build/flypaperd_${version}_${architecture}.deb`)
  mkdirSync(CACHE, { recursive: true })
  const age = (path: string) => (existsSync(path) ? statSync(path).mtimeMs : 0)
  const newest = Math.max(...INPUTS.flatMap(pattern => globSync(pattern)).map(age))
  if (age(file) < newest) await must(['sh', 'scripts/build-deb.sh'], { timeout: 300_000 })
  const repacked = async (name: string, version: string, conffile = '') => {
    const made = `${CACHE}/flypaperd-${name}.deb`
    if (age(made) < age(file)) await must(['sh', '-c', REPACK, 'sh', file, made, version, conffile])
    return made
  }
  const conffile = resolve('test/install/flypaperd-0.1.0.toml')
  return {
    cache: CACHE,
    package: file,
    next: await repacked('next', '&+next'),
    old: await repacked('old', '&~old', conffile),
    other: await repacked('other', '&+other', resolve('packaging/debian/flypaperd.toml')),
  }
}

const REPACK = `set -e
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
dpkg-deb -R "$1" "$work/root"
sed -i "s/^Version: .*/$3/" "$work/root/DEBIAN/control"
if [ -n "$4" ]; then
  install -D -m 644 "$4" "$work/root/etc/flypaperd/flypaperd.toml"
  echo /etc/flypaperd/flypaperd.toml > "$work/root/DEBIAN/conffiles"
fi
dpkg-deb -Znone --root-owner-group -b "$work/root" "$2.new" >/dev/null && mv "$2.new" "$2"`

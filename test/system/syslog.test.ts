import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const CHILD = join(import.meta.dirname, 'syslog-child.ts')

/** A mount namespace whose /dev has only null, and room for /dev/log; the machine's own /dev is not touched. */
const OWN_DEV = `set -e
mount -t tmpfs none /mnt
touch /mnt/null
mount --bind /dev/null /mnt/null
mount --rbind /mnt /dev
exec "$@"`
const namespace = process.getuid?.() === 0 ? ['-m'] : ['-Urm']

test('syslog: the datagrams that a syslog daemon gets on /dev/log, and nothing else is written', () => {
  const child = spawnSync(
    'unshare',
    [
      ...namespace,
      '--propagation',
      'private',
      'sh',
      '-c',
      OWN_DEV,
      'sh',
      process.execPath,
      '--expose-gc',
      CHILD,
    ],
    { encoding: 'utf8' },
  )
  assert.equal(child.stderr, '')
  assert.equal(child.status, 0)
  const lines = child.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { pid: number; datagram: string })
  const date = /[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d /
  assert.deepEqual(
    lines.map(({ datagram }) => datagram.replace(date, '')),
    [
      `<86>flypaperd[${lines[0]?.pid}]: lockout 69.0.231.79, who tried TCP-port 20000`,
      `<84>flypaperd[${lines[0]?.pid}]: 100%s %n %d`,
      `<83>flypaperd[${lines[0]?.pid}]: two\\x0alines`,
    ],
  )
})

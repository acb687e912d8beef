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

/** What came at /dev/log in that scene, without pid and date, which must be there; and what was on standard error, without dates. */
function play(scene: string) {
  const child = spawnSync(
    'unshare',
    [...namespace, '--propagation', 'private', 'sh', '-c', OWN_DEV, 'sh', process.execPath, CHILD, scene],
    { encoding: 'utf8', timeout: 120_000, maxBuffer: 16 * 1024 * 1024 },
  )
  assert.equal(child.status, 0, child.stderr)
  const { pid, datagrams, ...more } = JSON.parse(child.stdout) as {
    pid: number
    datagrams: string[]
    where?: string
    lost?: number
  }
  const header = new RegExp(`^(<\\d+>)[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d flypaperd\\[${pid}\\]: `)
  for (const datagram of datagrams) assert.match(datagram, header)
  return {
    lines: datagrams.map(datagram => datagram.replace(header, '$1')),
    errors: child.stderr.split('\n').map(line => line.replace(/^\S+Z /, '')),
    ...more,
  }
}

test('the datagrams that a syslog daemon gets on /dev/log, and nothing else is written', () => {
  assert.deepEqual(play('lines'), {
    lines: ['<86>lockout 69.0.231.79, who tried TCP-port 20000', '<84>100%s %n %d', '<83>two\\x0alines'],
    errors: [''],
    where: 'syslog (/dev/log)',
  })
})

test('what is said while the syslog daemon is restarted waits for the next one', () => {
  const { lines, lost } = play('restart')
  assert.deepEqual([lines, lost], [['<86>one', '<86>two', '<86>three'], 0])
})

test('a syslog daemon that does not read costs what memory does not keep, and is told how much', () => {
  const { lines, lost = 0 } = play('unread')
  const kept = 3000 - lost
  assert.ok(lost > 500 && kept > 2000, `${lost} are lost`)
  assert.deepEqual(lines, [
    ...Array.from({ length: kept }, (_, n) => `<86>line ${n} ${'x'.repeat(400)}`),
    `<84>${lost.toLocaleString('en')} lines of the log are lost here: nobody took them in time`,
    '<86>and on',
  ])
})

const REPLACED = 'so the log is here'

test('where nobody listens the log is on standard error, and tells why if it was to be elsewhere', () => {
  assert.deepEqual(play('nobody').errors, [
    'auto: standard error',
    `log = "syslog" is not possible: there is no /dev/log; ${REPLACED}`,
    'syslog: standard error',
    '',
  ])
})

test('a /dev/log that is a stream socket is not spoken to', () => {
  assert.deepEqual(play('stream').errors, [
    'auto: standard error',
    `log = "syslog" is not possible: /dev/log is a stream socket, and only datagrams are spoken here; ${REPLACED}`,
    'syslog: standard error',
    '',
  ])
})

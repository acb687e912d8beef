/** What the journal gets: lines with fields by its own socket, all others by standard error, and nobody waits for it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { journalEntry } from '../../src/system/journal.ts'

const CHILD = join(import.meta.dirname, 'journal-child.ts')
const OWN_RUN = `set -e
mount -t tmpfs none /run
exec "$@"`
const namespace = process.getuid?.() === 0 ? ['-m'] : ['-Urm']

function play(scene: string): { status: number; stream: string[]; datagrams: string[] } {
  const child = spawnSync(
    'unshare',
    [...namespace, '--propagation', 'private', 'sh', '-c', OWN_RUN, 'sh', process.execPath, CHILD, scene],
    { encoding: 'utf8', timeout: 30_000, maxBuffer: 16 * 1024 * 1024 },
  )
  assert.equal(child.status, 0, child.stderr)
  const { stream, ...rest } = JSON.parse(child.stdout)
  return { ...rest, stream: stream.split('\n').filter((line: string) => line !== '') }
}

const entry = (message: string, fields: readonly string[]) =>
  [
    `MESSAGE=${message}`,
    'PRIORITY=6',
    'SYSLOG_IDENTIFIER=flypaperd',
    'SYSLOG_FACILITY=10',
    ...fields,
    '',
  ].join('\n')

test('what tells of a source comes with its fields, whatever else does by standard error', () => {
  const { status, stream, datagrams } = play('fields')
  assert.equal(status, 0)
  assert.deepEqual(stream, ['<6>trap armed', '<4>a warning'])
  assert.deepEqual(datagrams.slice(0, 2), [
    entry('lockout 2001:db8:1:2::/64', [
      'FLYPAPERD_EVENT=lockout',
      'FLYPAPERD_SOURCE=2001:db8:1:2::/64',
      'FLYPAPERD_SOURCE=2001:db8:1:2::9',
      'FLYPAPERD_PROTO=tcp',
      'FLYPAPERD_PORT=81',
      'FLYPAPERD_REASON=closed-port',
    ]),
    entry('free 203.0.113.7: two\\x0alines', ['FLYPAPERD_EVENT=free', 'FLYPAPERD_SOURCE=203.0.113.7']),
  ])
  assert.ok(
    datagrams[2]!.length < 9000 && datagrams[2]!.startsWith(`MESSAGE=lockout ${'x'.repeat(8000)}`),
    'cut',
  )
  assert.equal(datagrams.length, 3)
})

test('a journal that is away, or does not read, costs the fields and no line', () => {
  const { stream, datagrams } = play('nobody')
  assert.equal(datagrams.length, 0)
  assert.deepEqual(
    stream.map(line => line.slice(0, 30)),
    [
      '<6>trap armed',
      '<6>lockout 2001:db8:1:2::/64',
      '<6>free 203.0.113.7: two\\x0ali',
      `<6>lockout ${'x'.repeat(19)}`,
      '<4>a warning',
    ],
  )
  const unread = play('unread')
  const numbers = [...unread.datagrams, ...unread.stream].flatMap(line => /line (\d+) /.exec(line)?.[1] ?? [])
  assert.ok(unread.stream.length > 100 && unread.datagrams.length > 3)
  assert.deepEqual(
    numbers.map(Number).sort((one, other) => one - other),
    Array.from({ length: 2000 }, (_, n) => n),
  )
})

test('a standard error that is not the journal is a control: then nothing goes to the socket that is there', () => {
  const { stream, datagrams } = play('elsewhere')
  assert.deepEqual([stream.length, datagrams.length], [5, 0])
})

test('a value of several lines is told by its length, and cannot become another field', () => {
  assert.deepEqual(
    journalEntry([
      ['MESSAGE', 'one\nFLYPAPERD_SOURCE=192.0.2.1'],
      ['PRIORITY', '6'],
    ]),
    Buffer.concat([
      Buffer.from('MESSAGE\n'),
      Buffer.from([30, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from('one\nFLYPAPERD_SOURCE=192.0.2.1\nPRIORITY=6\n'),
    ]),
  )
})

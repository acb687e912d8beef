/** What `status` says of notifications. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from '../../src/settings/load.ts'
import { tasksOf } from '../../src/settings/outside.ts'
import { notifyLines } from '../../src/surface/cli/outside.ts'

const NOW = Date.UTC(2026, 10, 24, 10)
const TELLING = parseSettings('[notify]\ncommand = ["/bin/true"]\n', 'f')
const said = (told: unknown, settings = TELLING) =>
  notifyLines(
    'f',
    () => ({ text: typeof told === 'string' ? told : JSON.stringify(told) }),
    tasksOf(settings),
    NOW,
  )

test('nothing where nobody wants to be told', () => {
  assert.deepEqual(said({ at: NOW, ways: [] }, parseSettings('', 'f')), [])
})

test('how it stands by each way', () => {
  const mail = { name: 'mail', messages: 3, notices: 9999, failingSince: NOW - 1000, error: 'refused' }
  const command = { name: 'command', messages: 0, notices: 0 }
  assert.deepEqual(said({ at: NOW, ways: [mail, command, { ...command, messages: 1, notices: 1 }] }), [
    'notify: mail cannot be delivered since 2026-11-24T09:59:59.000Z: refused. 3 messages wait, of 9999 notices, and it is tried again',
    'notify: command is well',
    'notify: command is well, 1 message waits, of 1 notice',
  ])
})

test('who has only names to look up is told as well that it does not run', () => {
  const settings = parseSettings('names = ["home.example.net"]\n', 'f')
  assert.match(
    said('nonsense', settings)[0]!,
    /^names: some are configured, but flypaperd-outside does not run/,
  )
  assert.deepEqual(said({ at: NOW, ways: [] }, settings), [])
})

test('where it does not run, or has told nothing for long, that is said', () => {
  const [none] = notifyLines('f', () => ({ unreadable: 'missing', because: 'no' }), ['notify'], NOW)
  assert.match(
    none!,
    /configured, but flypaperd-outside does not run: systemctl enable --now flypaperd-outside/,
  )
  assert.match(said('nonsense')[0]!, /does not run/)
  assert.deepEqual(said({ at: NOW - 600_000, ways: [] }), [
    'notify: flypaperd-outside has told nothing for 10m: nobody is told of anything, and no name is looked up',
  ])
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { listenAt, peerOf } from '../../src/system/unix-sockets.ts'
import { groupIdOf, userNameOf } from '../../src/system/users.ts'

test('names from passwd(5): the first of a number; without an entry, or without the file, the number', t => {
  const directory = mkdtempSync(join(tmpdir(), 'users-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'passwd')
  writeFileSync(
    file,
    `root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\n+::::::\n:x:5:5::/:\nanna:x:1000:1000:A,B:/home/anna:/bin/sh\n${'x'.repeat(200)}:x:7:7::/:\n`,
  )
  assert.deepEqual(
    [0, 1000, 5, 100, 10, -1].map(uid => userNameOf(uid, file)),
    ['root', 'anna', 'uid 5', 'uid 100', 'uid 10', 'uid -1'],
  )
  assert.equal(userNameOf(7, file).length, 64)
  assert.equal(userNameOf(0, join(directory, 'none')), 'uid 0')
})

test('groups from group(5): by their name; without an entry, or without the file, none', t => {
  const directory = mkdtempSync(join(tmpdir(), 'users-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'group')
  writeFileSync(
    file,
    'root:x:0:\nbad:x:4294967295:\nworse:x:-1:\nempty:x::\nwatch:x:994:anna,bob\nwatch:x:7:\n+:::\n',
  )
  const names = ['root', 'watch', 'bad', 'worse', 'empty', 'wat', '']
  assert.deepEqual(
    names.map(name => groupIdOf(name, file)),
    [0, 994, undefined, undefined, undefined, undefined, undefined],
  )
  assert.equal(groupIdOf('root', join(directory, 'none')), undefined)
})

test('who is at the other end of a socket; of one that is closed nobody says', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'users-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'made', 'a.sock')
  const server = createServer()
  await listenAt(server, path, { mask: 0o117 })
  const accepted = once(server, 'connection')
  const client = connect(path)
  const [socket] = (await accepted) as [Socket]
  assert.equal(peerOf(socket), userNameOf(process.getuid!()))
  socket.destroy()
  assert.throws(() => peerOf(socket), { exit: 69 })
  client.destroy()
  server.close()
})

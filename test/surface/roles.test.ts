/** Every endpoint on the socket of every role, from the tables: each does what is its own and refuses the rest. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { test } from 'node:test'
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointName,
  queryText,
} from '../../src/surface/control/endpoints.ts'
import type { Served } from '../../src/surface/control/protocol.ts'
import { ROLES, type Role } from '../../src/surface/control/roles.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'
import { NO_NEVER, NO_PAST, STATUS } from '../support/daemon-status.ts'

const CHANGING = [
  'lock',
  'free',
  'flush',
  'testify',
  'withdraw',
  'forget',
  'pause',
  'reload',
  'names',
  'confirm',
  'leave',
  'stop',
  'neverAdd',
  'neverRemove',
] as const

/** Remembers what it was told to do. */
function daemon() {
  const done: string[] = []
  const answer = { flies: [], held: [], count: 0 }
  const changing = Object.fromEntries(
    CHANGING.map(name => [
      name,
      async () => {
        done.push(name)
        return answer
      },
    ]),
  ) as unknown as Pick<Served, (typeof CHANGING)[number]>
  const served: Served = {
    ...NO_PAST,
    ...NO_NEVER,
    ...changing,
    status: async () => STATUS,
    health: async () => [],
    metrics: async () => Buffer.from('# nothing\n'),
    watch: () => ({ [Symbol.dispose]() {} }),
  }
  return { done, served }
}

/** The status of the answer, and its error. */
async function ask(socketPath: string, { method, path: bare, query, example }: Endpoint) {
  const path = query === undefined ? bare : `${bare}?${queryText(example ?? {})}`
  const body = query !== undefined || example === undefined ? '' : JSON.stringify(example)
  const headers = { 'content-length': Buffer.byteLength(body) }
  return new Promise<{ status: number; error: string }>((resolve, reject) => {
    const asked = request({ socketPath, method, path, headers, agent: false }, async response => {
      const status = response.statusCode!
      if (status === 200) {
        response.destroy()
        resolve({ status, error: '' })
      } else resolve({ status, error: JSON.parse(await textOf(response)).error })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

for (const [name, role] of Object.entries<Role>(ROLES)) {
  test(`${role.socket}: of every endpoint, what is its own and nothing else`, async t => {
    const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-roles-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const { done, served } = daemon()
    const sockets = { listen: listenAt, peerOf: () => 'anna' }
    await using _ = await serveControl(join(directory, 'control.sock'), served, sockets)
    const path = join(directory, role.socket)
    assert.equal(statSync(path).mode & 0o777, 0o660)
    for (const [endpoint, row] of Object.entries<Endpoint>(ENDPOINTS)) {
      const { status, error } = await ask(path, row)
      const isOwn = role.may.includes(endpoint as EndpointName)
      assert.equal(status, isOwn ? 200 : 403, `${name}: ${endpoint}: ${error}`)
      if (isOwn) continue
      assert.match(
        error,
        new RegExp(`^${role.socket} does not take ${row.method} ${row.path}\\. Use .*control\\.sock`),
      )
    }
    const wide = { ...ENDPOINTS.lock, example: { ...ENDPOINTS.lock.example, force: true } }
    const { status, error } = await ask(path, wide)
    const isForced = role.mayForce ?? false
    assert.equal(status, isForced ? 200 : 403, error)
    if (name === 'operate') assert.match(error, /^operate\.sock takes no force: .*control\.sock$/)
    if (isForced) done.pop()
    assert.deepEqual(done, CHANGING.filter(one => role.may.includes(one)).toSorted(byTable))
  })
}

function byTable(one: EndpointName, other: EndpointName): number {
  const names = Object.keys(ENDPOINTS)
  return names.indexOf(one) - names.indexOf(other)
}

test('who reads changes nothing; who operates neither ends nor disarms; control does all', () => {
  const may = (role: Role) => CHANGING.filter(name => role.may.includes(name))
  assert.deepEqual(may(ROLES.watch), [])
  assert.deepEqual(may(ROLES.share), ['testify', 'withdraw'])
  assert.deepEqual(may(ROLES.operate), ['lock', 'free', 'neverAdd', 'neverRemove'])
  assert.deepEqual(may(ROLES.control), CHANGING)
  assert.deepEqual(ROLES.names.may, ['names'])
})

test('without its group a socket is there all the same, and that is said once', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-roles-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const said: string[] = []
  const log = { info: (line: string) => void said.push(line), warn: (line: string) => void said.push(line) }
  const sockets = {
    listen: async (...[server, path, access]: Parameters<typeof listenAt>) => ({
      ...(await listenAt(server, path, { mask: access.mask })),
      ...(access.group && { isWithout: `there is no group ${access.group}` }),
    }),
    peerOf: () => 'anna',
  }
  await using _ = await serveControl(join(directory, 'control.sock'), daemon().served, sockets, log)
  assert.deepEqual(said, [
    'operate.sock is for root alone: there is no group flypaperd-operate',
    'watch.sock is for root alone: there is no group flypaperd-watch',
    'share.sock is for root alone: there is no group flypaperd-share',
    'names.sock is for root alone: there is no group flypaperd-names',
  ])
  assert.equal((await ask(join(directory, 'watch.sock'), ENDPOINTS.status)).status, 200)
})

/** The sockets of a real network namespace, as sock_diag tells them and as /proc does. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { NetlinkError, SOCKET_STATE, visitSockets } from '../../packages/nfnetlink/src/index.ts'
import {
  connections,
  connectionsLater,
  SOCKETS_AT_ONCE,
  type Visit,
  visitTables,
  waitingSockets,
} from '../../src/system/sockets.ts'
import { surroundings } from '../../src/system/surroundings.ts'
import { describeInNamespace } from '../support/in-namespace.ts'

/** Each is two sockets. */
const CONNECTIONS = 4200

type Seen = [local: string, port: number, remote: string]

function seenBy(visitAll: (visit: Visit) => unknown): Seen[] {
  const seen: Seen[] = []
  visitAll(({ local, localPort, remote }) => {
    seen.push([local.join('.'), localPort, remote.join('.')])
    return true
  })
  return seen.sort((one, other) => one.join().localeCompare(other.join()))
}

describeInNamespace(import.meta.url, () => {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${3 * CONNECTIONS}`])

  test('netlink and /proc tell the same, however many there are; a look may leave off', async () => {
    const accepted: Socket[] = []
    const server = createServer(socket => accepted.push(socket)).listen(2000, '::')
    await once(server, 'listening')
    const clients: Socket[] = []
    for (let i = 0; i < CONNECTIONS; i++) {
      const client = connect(2000, i % 2 === 0 ? '127.0.0.1' : '::1')
      await once(client, 'connect')
      clients.push(client)
    }
    while (accepted.length < CONNECTIONS) await new Promise(setImmediate)
    const length = ['tcp', 'tcp6'].map(name => readFileSync(`/proc/net/${name}`).length)
    assert.ok(length.reduce((sum, one) => sum + one) > 1024 * 1024)

    const told = seenBy(visit => assert.equal(connections(visit), 'whole'))
    assert.equal(told.length, 2 * CONNECTIONS)
    assert.deepEqual(
      seenBy(visit => visitTables(6, SOCKET_STATE.established, visit)),
      told,
    )
    let count = 0
    connections(() => ++count < 10)
    assert.equal(count, 10)
    assert.ok(SOCKETS_AT_ONCE < 2 * CONNECTIONS)
    const pieces: string[] = []
    const how = await connectionsLater(
      ({ local, localPort, remote }) =>
        pieces.push([local.join('.'), localPort, remote.join('.')].join()) > 0,
    )
    assert.equal(how, 'whole')
    assert.deepEqual(pieces.toSorted(), told.map(one => one.join()).toSorted())

    // So many are not read for each question, but when it is time.
    assert.deepEqual(surroundings.connected().toSorted(), ['127.0.0.1', '::1'])
    for (const socket of [...clients, ...accepted]) socket.destroy()
    server.close()
    await once(server, 'close')
    assert.equal(surroundings.connected().length, 2)
    await surroundings.reread()
    assert.deepEqual(surroundings.connected(), [])
  })

  test('who waits for whomever: by both ways, but nobody on loopback is served', async () => {
    const server = createServer().listen(2001, '0.0.0.0')
    const inner = createServer().listen(2002, '127.0.0.1')
    const inner6 = createServer().listen(2003, '::1')
    const mapped = createServer().listen({ port: 2004, host: '::ffff:127.0.0.1' })
    const udp = createSocket('udp6').bind(2005)
    const asking = createSocket('udp4')
    await Promise.all([server, inner, inner6, mapped, udp].map(it => once(it, 'listening')))
    asking.connect(2005, '127.0.0.1')
    await once(asking, 'connect')
    for (const [protocol, state] of [
      [6, SOCKET_STATE.listening],
      [17, SOCKET_STATE.unconnected],
    ] as const)
      assert.deepEqual(
        seenBy(visit => visitTables(protocol, state, visit)),
        seenBy(visit => assert.equal(waitingSockets(protocol, visit), 'whole')),
      )
    assert.deepEqual(
      surroundings.served().toSorted(([one], [other]) => one - other),
      [
        [6, 2001],
        [17, 2005],
      ],
    )
    for (const one of [server, inner, inner6, mapped, udp, asking]) one.close()
  })

  test('a kernel that does not know the protocol says so, and then /proc is read', async () => {
    const IPPROTO_SCTP = 132
    const udp = createSocket('udp4').bind(2006)
    await once(udp, 'listening')
    const seen = seenBy(visit => assert.equal(waitingSockets(IPPROTO_SCTP as never, visit), 'whole'))
    udp.close()
    assert.deepEqual(seen, [['0.0.0.0', 2006, '0.0.0.0']])
    assert.throws(
      () => visitSockets(IPPROTO_SCTP as never, SOCKET_STATE.listening, () => true),
      (error: NetlinkError) => error instanceof NetlinkError && error.code === 'unsupported',
    )
  })
})

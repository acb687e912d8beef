/** What whoever connects to a socket of the daemon can make it do: over real sockets, with all kinds of readers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { type Answer, type Limits, serveRequests } from '../../src/surface/control/connections.ts'
import type { Request } from '../../src/surface/control/request.ts'
import { PATIENCE } from '../support/process.ts'

const REQUEST = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
const LIMITS: Limits = { connections: 4, head: 4096, body: 100, askMs: 60_000, readMs: 60_000 }
const ANSWER: Answer = { status: 200, type: 'text/plain', body: 'so it is\n' }
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-connections-'))
after(() => rmSync(directory, { recursive: true }))
let sockets = 0

interface Served extends AsyncDisposable {
  close(ms: number): Promise<void>
  readonly asked: Request[]
  /** Server's connections at this moment. */
  connections(): Promise<number>
  connect(): Promise<Socket>
}

async function serve(
  limits: Partial<Limits> = {},
  answer: (request: Request) => Promise<Answer> = async () => ANSWER,
): Promise<Served> {
  const path = join(directory, `${sockets++}.sock`)
  const asked: Request[] = []
  const { server, close } = serveRequests(
    { ...LIMITS, ...limits },
    {
      answer: request => {
        asked.push(request)
        return answer(request)
      },
      refuse: error => ({ status: 400, type: 'text/plain', body: `${(error as Error).message}\n` }),
    },
  )
  await new Promise<void>(resolve => server.listen(path, resolve))
  return {
    asked,
    connections: () =>
      new Promise((resolve, reject) => server.getConnections((e, n) => (e ? reject(e) : resolve(n)))),
    async connect() {
      const socket = connect(path).on('error', () => {})
      await once(socket, 'connect')
      return socket
    },
    close,
    [Symbol.asyncDispose]: () => close(0),
  }
}

/** All that comes until the other side hangs up. */
async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
  return text
}

async function ask(served: Served, text = REQUEST): Promise<string> {
  const socket = await served.connect()
  socket.write(text)
  return textOf(socket)
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000 * PATIENCE
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, String(isSo))
    await sleep(5)
  }
}

test('one request a connection, however many are sent: one answer, then the end', async () => {
  await using served = await serve()
  assert.match(await ask(served), /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n\r\nso it is\n$/)
  const answers = await ask(served, REQUEST.repeat(2000))
  assert.equal(answers.split('HTTP/1.1').length - 1, 1)
  assert.equal(served.asked.length, 2)
})

test('what is sent while an answer is made is not read', async () => {
  const made = Promise.withResolvers<Answer>()
  await using served = await serve({}, () => made.promise)
  const socket = await served.connect()
  const many = REQUEST.repeat(2000)
  socket.write(REQUEST)
  for (let i = 0; i < 1000; i++) socket.write(many)
  await until(() => served.asked.length === 1)
  for (let i = 0; i < 1000; i++) await turn()
  await sleep(100)
  const taken = socket.bytesWritten - socket.writableLength
  assert.ok(taken < 2e6, `${taken} bytes of ${socket.bytesWritten} went to the kernel or the server`)
  made.resolve(ANSWER)
  await textOf(socket)
  assert.equal(served.asked.length, 1)
})

test('whoever keeps a place and asks nothing gives it to whoever comes', async () => {
  await using served = await serve()
  const idle = await Promise.all(Array.from({ length: LIMITS.connections }, served.connect))
  await until(async () => (await served.connections()) === LIMITS.connections)
  for (let i = 0; i < 3; i++) assert.match(await ask(served), /so it is/)
  await until(() => idle[0]!.closed)
  const left = idle.filter(socket => !socket.closed)
  assert.equal(left.length, LIMITS.connections - 1, 'one place was enough')
  left[0]!.write(REQUEST)
  assert.match(await textOf(left[0]!), /so it is/, 'who asks at last is answered')
})

test('whose answer is being made keeps his place, and one too many is hung up on', async () => {
  const made = Promise.withResolvers<Answer>()
  await using served = await serve({}, () => made.promise)
  const waiting = Array.from({ length: LIMITS.connections }, () => ask(served))
  await until(() => served.asked.length === LIMITS.connections)
  assert.equal(await ask(served), '')
  made.resolve(ANSWER)
  for (const text of await Promise.all(waiting)) assert.match(text, /so it is/)
  assert.match(await ask(served), /so it is/)
})

test('who sends too slowly is told so, and his place is free', async () => {
  await using served = await serve({ askMs: 50 })
  const socket = await served.connect()
  socket.write(REQUEST.slice(0, -1))
  assert.match(await textOf(socket), /^HTTP\/1\.1 400 [\s\S]*whole within 50 ms/)
  await until(async () => (await served.connections()) === 0)
  assert.equal(served.asked.length, 0)
})

test('who has asked in time is answered, also when the daemon itself was busy until later', async () => {
  await using served = await serve({ askMs: 100 })
  const socket = await served.connect()
  await until(async () => (await served.connections()) === 1)
  const text = textOf(socket)
  socket.write(REQUEST) // It is with the kernel when this returns.
  const busy = performance.now() + 300
  while (performance.now() < busy);
  assert.match(await text, /so it is/)
})

test('who never reads an answer that the kernel does not take whole has to go', async () => {
  const body = Buffer.alloc(8e6)
  await using served = await serve({ readMs: 50 }, async () => ({ ...ANSWER, body }))
  const socket = await served.connect()
  socket.pause()
  socket.write(REQUEST)
  await until(() => served.asked.length === 1)
  await until(async () => (await served.connections()) === 0)
  socket.resume()
  assert.ok((await textOf(socket)).length < body.length)
})

test('who says that nothing follows is answered; who hangs up before he has asked is gone', async () => {
  await using served = await serve()
  const socket = await served.connect()
  socket.end(REQUEST)
  assert.match(await textOf(socket), /so it is/)
  const other = await served.connect()
  other.end('GET')
  assert.equal(await textOf(other), '')
  await until(async () => (await served.connections()) === 0)
})

test('an answer that goes on ends with the connection, and at once for who goes on talking', async () => {
  const ended = { count: 0 }
  await using served = await serve({}, async () => ({
    type: 'application/jsonl',
    follow: stream => {
      stream.write('{}\n')
      stream.once('close', () => ended.count++)
    },
  }))
  const socket = await served.connect()
  socket.write(REQUEST)
  const text = textOf(socket)
  await once(socket, 'data')
  await sleep(20)
  assert.equal(ended.count, 0)
  socket.write(REQUEST)
  assert.match(
    await text,
    /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/jsonl\r\nconnection: close\r\n\r\n\{\}\n$/,
  )
  await until(() => ended.count === 1)
  const gone = await served.connect()
  gone.write(REQUEST)
  await once(gone, 'data')
  gone.destroy()
  await until(() => ended.count === 2)
})

test('at the end who has asked is answered, and who only waits keeps nobody', async () => {
  const made = Promise.withResolvers<Answer>()
  const served = await serve({}, () => made.promise)
  const idle = await served.connect()
  const asked = ask(served)
  await until(() => served.asked.length === 1)
  const ended = served.close(600_000)
  await until(() => idle.closed)
  made.resolve(ANSWER)
  assert.match(await asked, /so it is/)
  await ended
  const other = await serve({}, () => new Promise(() => {}))
  const stuck = ask(other)
  await until(() => other.asked.length === 1)
  await other.close(10)
  assert.equal(await stuck, '')
})

test('connections are accepted one in a turn of the event loop, however many wait', async () => {
  let turns = 0
  const seen: number[] = []
  await using served = await serve({ connections: 200 }, async () => {
    seen.push(turns)
    return ANSWER
  })
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await Promise.all(Array.from({ length: 100 }, () => ask(served)))
  isOver = true
  assert.equal(seen.length, 100)
  assert.ok(new Set(seen).size >= 50, `answered in ${new Set(seen).size} turns`)
})

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, request } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { reachDaemon } from '../../src/surface/control/client.ts'
import { ERROR_MAX, REQUEST_MAX, type Served } from '../../src/surface/control/protocol.ts'
import { serveControl, serveMetrics } from '../../src/surface/control/server.ts'
import { WATCHER_BYTES, WATCHERS_MAX } from '../../src/surface/control/watchers.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'
import { FORGOTTEN, NO_NEVER, NO_PAST, STATUS } from '../support/daemon-status.ts'

const SOCKETS = { listen: listenAt, peerOf: () => 'root' }

function daemon(): Served & { readonly calls: unknown[][]; tell(line: string): void } {
  const calls: unknown[][] = []
  const listeners = new Set<(line: string) => void>()
  return {
    calls,
    tell: line => {
      for (const listener of listeners) listener(line)
    },
    watch(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    ...NO_PAST,
    ...NO_NEVER,
    metrics: async () => Buffer.from('# nothing\n'),
    async lock(request) {
      calls.push(['lock', request])
      return { locked: request.lockouts.map(({ who }) => who), kept: [], refused: [] }
    },
    status: async () => STATUS,
    health: async () => [{ label: 'flypaper set', ok: true, reason: '390 flies' }],
    async pause(request) {
      calls.push(['pause', request])
    },
    async free({ who = [], by }) {
      calls.push(['free', who, by])
      return { flies: who, held: [], count: who.length }
    },
    async testify(request) {
      calls.push(['testify', request])
      return { locked: request.testimony.map(({ who }) => who), kept: [], refused: [] }
    },
    async withdraw(request) {
      calls.push(['withdraw', request])
      return { withdrawn: request.who, others: [] }
    },
    async forget(request) {
      calls.push(['forget', request])
      return FORGOTTEN
    },
    async flush(by) {
      calls.push(['flush', by])
      return 390
    },
    async names(request) {
      calls.push(['names', request])
      return { known: request.hosts, refused: [] }
    },
    stop: async by => void calls.push(['stop', by]),
    leave: async by => void calls.push(['leave', by]),
    reload: async by => void calls.push(['reload', by]),
    confirm: async by => void calls.push(['confirm', by]),
  }
}

async function served(use: (path: string, control: ReturnType<typeof daemon>) => Promise<void>) {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  const path = join(directory, 'run', 'control.sock')
  const control = daemon()
  try {
    await using _ = await serveControl(path, control, SOCKETS)
    await use(path, control)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function ask(
  socketPath: string,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    // Of GET, Node sends a body without saying so.
    const headers = { 'content-length': Buffer.byteLength(body) }
    const asked = request({ socketPath, method, path, headers, agent: false }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

test('client and server speak the same', async () => {
  await served(async (path, control) => {
    const client = (await reachDaemon(path))!
    assert.deepEqual(await client.status(), STATUS)
    const freed = await client.free({ who: ['192.0.2.9'], by: 'root' })
    assert.deepEqual(freed, { flies: ['192.0.2.9'], held: [], count: 1 })
    const wish = { lockouts: [{ who: '192.0.2.9', seconds: 60 }], because: 'so', by: 'root' }
    assert.deepEqual(await client.lock(wish), { locked: ['192.0.2.9'], kept: [], refused: [] })
    assert.equal(await client.flush('root'), 390)
    await client.confirm('root')
    await client.leave('anna')
    await client.stop('root')
    assert.deepEqual(control.calls, [
      ['free', ['192.0.2.9'], 'root'],
      ['lock', { lockouts: [{ who: '192.0.2.9', seconds: 60 }], because: 'so', by: 'root' }],
      ['flush', 'root'],
      ['confirm', 'root'],
      ['leave', 'anna (root)'],
      ['stop', 'root'],
    ])
  })
})

test('the socket is for its owner and its group, and replaces a stale one', async () => {
  await served(async path => {
    assert.equal(statSync(path).mode & 0o777, 0o660)
    await using _ = await serveControl(path, daemon(), SOCKETS)
    assert.ok(await reachDaemon(path))
  })
})

test('wrong and huge requests are refused, and do nothing', async () => {
  await served(async (path, control) => {
    const wrong: [string, string, string, number, RegExp][] = [
      ['GET', '/', '', 404, /there is no GET/],
      ['GET', '/v1/free', '', 404, /there is no GET/],
      ['POST', '/v1/free', '', 400, /Invalid input/],
      ['POST', '/v1/free', 'who?', 400, /JSON/],
      ['POST', '/v1/free', '{"who":[],"by":"root"}', 400, /who/],
      ['POST', '/v1/free', '{"who":["192.0.2.9"],"by":"root","force":true}', 400, /force/],
      ['POST', '/v1/free', `{"who":["${'9'.repeat(65)}"],"by":"root"}`, 400, /who/],
      ['POST', '/v1/flush', '{"by":7}', 400, /by/],
      ['POST', '/v1/lock', '{"lockouts":[{"who":"192.0.2.9","seconds":0}],"by":"root"}', 400, /seconds/],
      ['POST', '/v1/lock', '{"lockouts":[{"who":"192.0.2.9","seconds":1e99}],"by":"root"}', 400, /seconds/],
      ['POST', '/v1/lock', '{"lockouts":[],"by":"root"}', 400, /lockouts/],
      ['POST', '/v1/free', '{"port":65536,"by":"root"}', 400, /port/],
      ['DELETE', '/v1/status', '', 404, /there is no DELETE/],
      ['POST', '/v1/flush', `{"by":"${'x'.repeat(REQUEST_MAX)}"}`, 400, /at most 65536 bytes/],
    ]
    for (const [method, url, body, status, text] of wrong) {
      const answer = await ask(path, method, url, body)
      assert.equal(answer.status, status, body.slice(0, 80))
      assert.match(JSON.parse(answer.text).error, text)
    }
    assert.deepEqual(control.calls, [])
  })
})

test('orders are carried out one after the other; who asks, watches or ends the daemon does not wait for them', async () => {
  await served(async (path, control) => {
    const first = Promise.withResolvers<void>()
    const begun: string[] = []
    let turns = 0
    const isOver = new AbortController()
    const count = () => {
      turns++
      if (!isOver.signal.aborted) setImmediate(count)
    }
    control.flush = async by => {
      begun.push(`${by} ${turns}`)
      if (by.startsWith('first')) await first.promise
      return 0
    }
    const flush = (by: string) => ask(path, 'POST', '/v1/flush', JSON.stringify({ by }))
    const slow = flush('first')
    while (begun.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    setImmediate(count)
    const others = Array.from({ length: 20 }, (_, i) => flush(`other${i}`))
    assert.equal((await ask(path, 'GET', '/v1/status')).status, 200)
    assert.equal((await ask(path, 'GET', '/v1/metrics')).status, 200)
    assert.equal((await ask(path, 'POST', '/v1/stop', '{"by":"root"}')).status, 200)
    assert.deepEqual(begun.length, 1)
    first.resolve()
    await Promise.all([slow, ...others])
    isOver.abort()
    const inTurns = begun.slice(1).map(one => one.split(' ').at(-1))
    assert.equal(new Set(inTurns).size, 20, 'each in a turn of its own')
  })
})

test('one look answers all who ask while it is waited for; who asks later gets another, who sends a body one of his own', async () => {
  await served(async (path, control) => {
    const asked: PromiseWithResolvers<void>[] = []
    const { health } = control
    control.health = async () => {
      const one = Promise.withResolvers<void>()
      asked.push(one)
      await one.promise
      return health()
    }
    const question = (body = '') => ask(path, 'GET', '/v1/health', body)
    const begun = async (count: number) => {
      while (asked.length < count) await new Promise(resolve => setTimeout(resolve, 5))
    }
    const first = question()
    await begun(1)
    const broken = question('{')
    const waiting = Array.from({ length: 20 }, () => question())
    assert.equal((await ask(path, 'GET', '/v1/metrics')).status, 200, 'by now they have all come')
    asked[0]!.resolve()
    await begun(2)
    asked[1]!.resolve()
    const answers = await Promise.all([first, ...waiting])
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal((await broken).status, 400)
    assert.equal(asked.length, 2, 'what had begun was older than their question')
    const later = question()
    await begun(3)
    asked[2]!.resolve()
    assert.equal((await later).status, 200)
  })
})

test('however much is wrong with a request, little is told of it', async () => {
  await served(async (path, control) => {
    const worst = `{"lockouts":[${'{},'.repeat(21_000)}{}],"by":"root"}`
    const { status, text } = await ask(path, 'POST', '/v1/lock', worst)
    assert.equal(status, 400)
    assert.match(text, /lockouts/)
    assert.ok(text.length < 2 * ERROR_MAX, `${text.length} characters`)
    const long = await ask(path, 'POST', '/v1/flush', `{"${'x'.repeat(REQUEST_MAX - 20)}":1}`)
    assert.ok(long.text.length < 2 * ERROR_MAX, `${long.text.length} characters`)
    assert.deepEqual(control.calls, [])
  })
})

test('events: a line each, to all who watch, until either side goes; more than 16 are refused', async () => {
  await served(async (path, control) => {
    const client = (await reachDaemon(path))!
    const watch = () => {
      const end = new AbortController()
      return { end, lines: client.events(end.signal)[Symbol.asyncIterator]() }
    }
    const watchers = Array.from({ length: WATCHERS_MAX }, watch)
    const first = watchers.map(({ lines }) => lines.next())
    const event = { at: '2026-11-24T12:00:00.000Z', event: 'lockout', text: 'lockout 192.0.2.9' }
    while ((await pending(path)).refused === false) await new Promise(resolve => setTimeout(resolve, 5))
    control.tell(JSON.stringify(event))
    for (const line of await Promise.all(first)) assert.deepEqual(line.value, event)
    await assert.rejects(watch().lines.next(), { exit: 69, message: /16 are watching already/ })
    const [gone, ...rest] = watchers
    gone!.end.abort()
    assert.equal((await gone!.lines.next()).done, true)
    while ((await pending(path)).refused) await new Promise(resolve => setTimeout(resolve, 5))
    for (const { end } of rest) end.abort()
  })
})

test('a watcher that reads too slowly loses lines, and is told how many', async () => {
  await served(async (path, control) => {
    const response = await open(path, '/v1/events')
    response.pause()
    const line = JSON.stringify({ at: '2026-11-24T12:00:00.000Z', event: 'x', text: 'x'.repeat(1000) })
    const told = 4000
    for (let n = 0; n < told; n++) control.tell(line)
    let text = ''
    for await (const chunk of response) {
      text += chunk
      if (/"event":"lost".*\n/.test(text)) break
    }
    const lost = JSON.parse(/^.*"event":"lost".*$/m.exec(text)![0]) as { lines: number; text: string }
    const got = text.split('\n').filter(one => one === line).length
    assert.ok(lost.lines > 0 && got * line.length < WATCHER_BYTES * 8, `${got} lines of ${told} waited`)
    assert.equal(got + lost.lines, told)
    assert.equal(lost.text, `${lost.lines} events were lost: this watcher reads too slowly`)
  })
})

test('the metrics socket has the counters and nothing else', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  const path = join(directory, 'metrics.sock')
  try {
    const control = daemon()
    await using _ = await serveMetrics(path, control, SOCKETS)
    assert.equal(statSync(path).mode & 0o777, 0o666)
    assert.deepEqual(await ask(path, 'GET', '/metrics'), { status: 200, text: '# nothing\n' })
    for (const [method, url, body, status] of [
      ['POST', '/v1/flush', '{"by":"root"}', 400],
      ['POST', '/v1/flush', '', 404],
      ['GET', '/v1/status', '', 404],
      ['POST', '/metrics', '', 404],
    ] as const)
      assert.equal((await ask(path, method, url, body)).status, status)
    assert.deepEqual(control.calls, [])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the description that the socket gives is the document', async () => {
  await served(async path => {
    const { status, text } = await ask(path, 'GET', '/v1/openapi.json')
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync('docs/openapi.json', 'utf8')))
  })
})

/** The answer as it comes. */
function open(socketPath: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) =>
    request({ socketPath, path, agent: false }, resolve).on('error', reject).end(),
  )
}

/** Whether one more watcher would be refused; that one goes again. */
async function pending(path: string): Promise<{ refused: boolean }> {
  const response = await open(path, '/v1/events')
  response.destroy()
  return { refused: response.statusCode !== 200 }
}

test('nobody there is no error, a daemon of another version is', async () => {
  assert.equal(await reachDaemon('/nonexistent/control.sock'), undefined)
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  try {
    const path = join(directory, 'control.sock')
    const other = { ...daemon(), status: async () => ({ version: '9' }) as never }
    await using _ = await serveControl(path, other, SOCKETS)
    await assert.rejects(reachDaemon(path), { exit: 69, message: /another version/ })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a daemon that ends before it answers is no bug of the command: 69', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  const path = join(directory, 'control.sock')
  const dying = createServer((request, response) => {
    if (request.method === 'GET') response.end(JSON.stringify(STATUS))
    else request.socket.destroy()
  })
  try {
    await new Promise<void>(resolve => dying.listen(path, resolve))
    const client = (await reachDaemon(path))!
    await assert.rejects(client.leave('anna'), { exit: 69, message: 'the daemon ended before it answered' })
  } finally {
    dying.close()
    rmSync(directory, { recursive: true })
  }
})

test('a daemon that hangs up on whoever comes is not there any more', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  const path = join(directory, 'control.sock')
  const leaving = createNetServer(socket => socket.destroy())
  try {
    await new Promise<void>(resolve => leaving.listen(path, resolve))
    for (let i = 0; i < 50; i++) assert.equal(await reachDaemon(path), undefined)
  } finally {
    leaving.close()
    rmSync(directory, { recursive: true })
  }
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { reachDaemon } from '../../src/surface/control/client.ts'
import { type Control, type DaemonStatus, REQUEST_MAX } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'

const STATUS: DaemonStatus = {
  pid: 4711,
  version: '0.1.0',
  since: 0,
  capture: 'log',
  closed: 'listening',
  counts: { lockouts: 1, spared: { near: 2 }, packets: 3, overruns: 0, lost: 0 },
}

function daemon(): Control & { readonly calls: unknown[][] } {
  const calls: unknown[][] = []
  return {
    calls,
    status: async () => STATUS,
    async free(who, by) {
      calls.push(['free', who, by])
      return { flies: [...who], held: [] }
    },
    async flush(by) {
      calls.push(['flush', by])
      return 390
    },
    stop: async by => void calls.push(['stop', by]),
    leave: async () => void calls.push(['leave']),
    confirm: async () => void calls.push(['confirm']),
  }
}

async function served(use: (path: string, control: ReturnType<typeof daemon>) => Promise<void>) {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  const path = join(directory, 'run', 'control.sock')
  const control = daemon()
  try {
    await using _ = await serveControl(path, control)
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
    const asked = request({ socketPath, method, path, agent: false }, response => {
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
    assert.deepEqual(await client.free(['192.0.2.9'], 'root'), { flies: ['192.0.2.9'], held: [] })
    assert.equal(await client.flush('root'), 390)
    await client.confirm()
    await client.leave()
    await client.stop('root')
    assert.deepEqual(control.calls, [
      ['free', ['192.0.2.9'], 'root'],
      ['flush', 'root'],
      ['confirm'],
      ['leave'],
      ['stop', 'root'],
    ])
  })
})

test('the socket is for its owner alone, and replaces a stale one', async () => {
  await served(async path => {
    assert.equal(statSync(path).mode & 0o777, 0o600)
    await using _ = await serveControl(path, daemon())
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

test('nobody there is no error, a daemon of another version is', async () => {
  assert.equal(await reachDaemon('/nonexistent/control.sock'), undefined)
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-control-'))
  try {
    const path = join(directory, 'control.sock')
    const other = { ...daemon(), status: async () => ({ version: '9' }) as never }
    await using _ = await serveControl(path, other)
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
    await assert.rejects(client.leave(), { exit: 69, message: 'the daemon ended before it answered' })
  } finally {
    dying.close()
    rmSync(directory, { recursive: true })
  }
})

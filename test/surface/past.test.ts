/** list, why and report over a socket, of a history of 100,000 flies that is read by its own thread. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { reachDaemon } from '../../src/surface/control/client.ts'
import { openPast } from '../../src/surface/control/past.ts'
import { LISTED_MAX } from '../../src/surface/control/past-protocol.ts'
import type { Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { openDisk } from '../../src/system/disk.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { STATUS } from '../support/daemon-status.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'

const NOW = Date.UTC(2026, 10, 24)
const FLIES = 100_000
/** Rows of one page, and those of the piece of the table that went beyond. */
const PAGE_MAX = 2 * LISTED_MAX
const fly = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` as Fly

function lockout(n: number): Lockout {
  return { source: fly(n), because: 'by-hand', grade: 'by-hand', since: NOW, until: 'forever', times: 1 }
}

async function past(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-past-'))
  const log = { info() {}, warn() {}, error: (line: string) => assert.fail(line) }
  const file = (name: string) => join(directory, name)
  const disk = openDisk(
    {
      historyFile: file('history.db'),
      stateFile: file('boot.nft'),
      neverFile: join(directory, 'never.jsonl'),
    },
    log,
    () => NOW,
  )
  const settings = loadSettings('none', () => ({ text: '' }))
  const daemon = openPast({
    reading: disk.reading,
    firewall: fakeFirewall(),
    now: () => NOW,
    settings: () => settings,
    reachable: () => ({ public: [], doors: [] }),
    names: () => [],
    counts: () => ({ lost: 0, overruns: 0 }),
  })
  const served = { ...daemon, status: async () => STATUS, watch: () => ({ [Symbol.dispose]() {} }) }
  const sockets = { listen: listenAt, peerOf: () => 'anna' }
  const serving = await serveControl(file('control.sock'), served as unknown as Served, sockets)
  t.after(async () => {
    await serving[Symbol.asyncDispose]()
    disk[Symbol.dispose]()
    // The thread may still be closing its files.
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  })
  return { history: disk.history, directory, socket: file('control.sock'), watch: file('watch.sock') }
}

function get(socketPath: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) =>
    request({ socketPath, path, agent: false }, async response =>
      resolve({ status: response.statusCode!, text: await textOf(response) }),
    )
      .on('error', reject)
      .end(),
  )
}

test('100,000 flies, page by page: nobody missing, nobody twice, and what an answer holds is bounded', async t => {
  const { history, socket } = await past(t)
  for (let n = 0; n < FLIES; n += 1000) history.add(Array.from({ length: 1000 }, (_, i) => lockout(n + i)))
  const daemon = (await reachDaemon(socket))!
  const told = new Set<string>()
  let [before, pages, twice]: [number | undefined, number, number] = [undefined, 0, 0]
  do {
    const { flies, next } = await daemon.list({ before })
    assert.ok(flies.length <= PAGE_MAX, `${flies.length} in one answer`)
    for (const { source } of flies) {
      if (told.has(source)) twice++
      told.add(source)
    }
    // Others come and go meanwhile: every tenth goes, and comes again.
    const gone = Array.from({ length: 10 }, (_, i) => pages * 100 + i * 10)
    history.release(gone.map(fly), { at: NOW, by: 'root', because: 'freed', counts: false })
    history.add(gone.filter((_, i) => i % 2 === 0).map(lockout))
    before = next
    pages++
  } while (before !== undefined)
  assert.equal(twice, 0)
  assert.ok(pages >= FLIES / PAGE_MAX, `${pages} pages`)
  for (let n = 0; n < FLIES; n++) if (n % 10 !== 0) assert.ok(told.has(fly(n)), fly(n))
  // Where few fit, an answer ends as well: there is more, and nobody in it.
  const { flies, next } = await daemon.list({ until: 1 })
  assert.deepEqual([flies, typeof next], [[], 'number'])

  const known = await daemon.why({ who: fly(11) })
  assert.deepEqual(
    known.lockouts.map(({ source }) => source),
    [fly(11)],
  )
  const { days, lockouts } = await daemon.report({ since: 0 })
  assert.deepEqual([days, lockouts], [[], 0], 'by hand is no attack')
})

test('hostile questions are refused, or answered as those of nobody; none costs more than another', async t => {
  const { history, watch } = await past(t)
  history.add(Array.from({ length: 2000 }, (_, n) => lockout(n)))
  for (const [query, status, text] of [
    ['before=0', 200, /^\{"flies":\[\]\}$/m],
    ['before=999999999999999', 200, /"next":/],
    ['before=-1', 400, /before/],
    ['before=1e9', 400, /before/],
    ['before=0x10', 400, /before/],
    ['before=', 400, /before/],
    ['before=9999999999999999', 400, /before/],
    ['before=1&before=2', 400, /before is said twice/],
    ['before=1%00', 400, /before/],
    ["before=1'%20OR%201=1", 400, /before/],
    ['limit=1000000', 400, /limit/],
    ['past=yes', 400, /past/],
    ['who=', 400, /who/],
    ['who=example.org', 400, /no address and no prefix/],
    [`who=${'10.0.0.1,'.repeat(60)}10.0.0.1`, 400, /who/],
    ['reason=guessed', 400, /reason/],
    ['ended=over', 200, /^\{"flies":\[\]\}$/m],
    ['__proto__=1', 400, /./],
    ['constructor=1', 400, /constructor/],
  ] as const) {
    const answer = await get(watch, `/v1/list?${query}`)
    assert.equal(answer.status, status, `${query}: ${answer.text.slice(0, 200)}`)
    assert.match(answer.text, text, query)
  }
  assert.equal((await get(watch, '/v1/status?x=1')).status, 404)
  assert.equal((await get(watch, '/v1/why')).status, 400)
  assert.equal((await get(watch, `/v1/list?who=${'9'.repeat(5000)}`)).status, 400)
})

test('readers who do not read, and as many as there may be, keep nobody from reading by another socket', async t => {
  const { history, socket, watch } = await past(t)
  history.add(Array.from({ length: 5000 }, (_, n) => lockout(n)))
  const deaf = Array.from({ length: 40 }, (_, n) => {
    const one = connect(watch).on('error', () => {})
    one.write(`GET /v1/list?before=${4000 + n} HTTP/1.1\r\n\r\n`)
    return one.pause()
  })
  t.after(() => {
    for (const one of deaf) one.destroy()
  })
  const daemon = (await reachDaemon(socket))!
  const { flies } = await daemon.list({})
  assert.ok(flies.length >= LISTED_MAX)
})

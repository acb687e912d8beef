/** Who reads the events from the history, by the socket and beside it: a real history on its thread. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FEED_LINES_MAX } from '../../src/history/feed.ts'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { reachDaemon } from '../../src/surface/control/client.ts'
import { followEvents } from '../../src/surface/control/follow-events.ts'
import { openFollowers, type Pace } from '../../src/surface/control/followers.ts'
import type { Feed, Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { WATCHERS_MAX } from '../../src/surface/control/watchers.ts'
import { openDisk } from '../../src/system/disk.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'
import { batch, fly, SINCE, sourceOf } from '../history/lockouts.ts'
import { NO_PAST, STATUS } from '../support/daemon-status.ts'
import { eventually } from '../support/eventually.ts'

const SOCKETS = { listen: listenAt, peerOf: () => 'anna' }
const FREED = { at: SINCE, by: 'anna', because: 'freed', counts: false }
const forever = (first: number, size: number) =>
  batch(first, size).map(one => ({ ...one, until: 'forever' as const }))

interface Line {
  readonly id: string
  readonly event: string
  readonly source?: string
}

/** A daemon that has a history, and can be ended and begun again. */
async function daemon(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-followers-'))
  const file = (name: string) => join(directory, name)
  const log = { info() {}, warn() {}, error: (line: string) => assert.fail(line) }
  const begin = async () => {
    const places = {
      historyFile: file('history.db'),
      stateFile: file('boot.nft'),
      neverFile: file('never.json'),
    }
    const disk = openDisk(places, log, () => SINCE)
    const served: Pick<Served, 'status' | 'watch' | 'feed'> = {
      status: async () => STATUS,
      watch: () => ({ [Symbol.dispose]() {} }),
      feed: {
        page: (after, spared) => disk.reading.feedPage({ after, spared, dryRun: false }, SINCE),
        onNews: disk.history.onWritten,
      },
    }
    const serving = await serveControl(file('control.sock'), { ...NO_PAST, ...served } as Served, SOCKETS)
    return {
      history: disk.history,
      async end() {
        await serving[Symbol.asyncDispose]()
        disk[Symbol.dispose]()
      },
    }
  }
  let running: Awaited<ReturnType<typeof begin>> | undefined = await begin()
  const here = {
    socket: file('control.sock'),
    get history() {
      return running!.history
    },
    async end() {
      await running?.end()
      running = undefined
    },
    async begin() {
      running = await begin()
    },
  }
  t.after(async () => {
    await here.end()
    // The thread may still be closing its files.
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  })
  return here
}

function open(socketPath: string, after: string): Promise<IncomingMessage> {
  const path = `/v1/events?after=${encodeURIComponent(after)}`
  return new Promise((resolve, reject) =>
    request({ socketPath, path, agent: false }, resolve).on('error', reject).end(),
  )
}

/** What comes, as it comes. */
function gather(response: IncomingMessage): Line[] {
  const lines: Line[] = []
  createInterface(response).on('line', line => void lines.push(JSON.parse(line)))
  response.on('error', () => {})
  return lines
}

const sourcesOf = (lines: readonly Line[]) =>
  lines.filter(({ event }) => event !== 'heartbeat').map(({ event, source }) => `${event} ${source}`)
const lockedOut = (first: number, size: number) => batch(first, size).map(({ source }) => `lockout ${source}`)

test('from the start, from now on, and behind a line: what was there, and what comes, in order', async t => {
  const { history, socket } = await daemon(t)
  history.add(forever(0, 3 * FEED_LINES_MAX))
  const all = gather(await open(socket, 'start'))
  const fresh = gather(await open(socket, 'now'))
  await eventually('both are at the end', () => all.length >= 3 * FEED_LINES_MAX && fresh.length > 0)
  assert.deepEqual(
    fresh.map(({ event }) => event),
    ['heartbeat'],
    'with an id from the first',
  )
  const rest = gather(await open(socket, all[9]!.id))
  history.release([sourceOf(5)], FREED)
  history.add(forever(5000, 2))
  const after = [`free ${sourceOf(5)}`, ...lockedOut(5000, 2)]
  await eventually('all are told', () =>
    [all, fresh, rest].every(lines => sourcesOf(lines).at(-1) === after.at(-1)),
  )
  assert.deepEqual(sourcesOf(fresh), after)
  assert.deepEqual(sourcesOf(all), [...lockedOut(0, 3 * FEED_LINES_MAX), ...after])
  assert.deepEqual(sourcesOf(rest), sourcesOf(all).slice(10))
})

test('an "after" that is none is refused with what it has to be; other questions, too', async t => {
  const { socket } = await daemon(t)
  for (const query of ['after=', 'after=yesterday', 'after=17', 'before=now', 'after=now&after=now']) {
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) =>
      request({ socketPath: socket, path: `/v1/events?${query}`, agent: false }, async response => {
        const chunks = await response.toArray()
        resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() })
      })
        .on('error', reject)
        .end(),
    )
    assert.equal(status, 400, query)
    assert.match(text, /after|before/, query)
  }
  const client = (await reachDaemon(socket))!
  const events = client.events(new AbortController().signal, '17')[Symbol.asyncIterator]()
  await assert.rejects(events.next(), {
    exit: 64,
    message: /"after" has to be "start", "now", or the id of a line of these events, unchanged/,
  })
})

test('those who follow and those who watch have the same places', async t => {
  const { socket } = await daemon(t)
  const client = (await reachDaemon(socket))!
  const followers = await Promise.all(Array.from({ length: WATCHERS_MAX }, () => open(socket, 'now')))
  const lines = followers.map(gather)
  await eventually('all are told', () => lines.every(({ length }) => length > 0))
  const given = new AbortController()
  for (const after of [undefined, 'now'])
    await assert.rejects(client.events(given.signal, after)[Symbol.asyncIterator]().next(), {
      exit: 69,
      message: /16 are watching already/,
    })
  followers[0]!.destroy()
  await eventually('whoever goes makes room', async () => {
    const response = await open(socket, 'now')
    return response.statusCode === 200
  })
})

test('whoever did not read while much happened goes on where he was, beside 15 who never do; who reads gets all of it', async t => {
  const { history, socket } = await daemon(t)
  history.add(forever(0, 1000))
  const reader = gather(await open(socket, 'start'))
  const deaf = await Promise.all(Array.from({ length: WATCHERS_MAX - 1 }, () => open(socket, 'start')))
  for (const response of deaf) response.pause()
  for (let n = 1; n < 20; n++) history.add(forever(n * 1000, 1000))
  await eventually('who reads has all', () => sourcesOf(reader).length === 20_000)
  assert.deepEqual(sourcesOf(reader), lockedOut(0, 20_000))
  const late = gather(deaf[0]!)
  deaf[0]!.resume()
  await eventually('who begins to read has all', () => sourcesOf(late).length === 20_000)
  assert.deepEqual(sourcesOf(late), lockedOut(0, 20_000))
})

/** A history in memory, followed by streams that a test reads or does not. */
function laboratory(t: TestContext, pace: Partial<Pace> = {}) {
  const history = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  const state = { isHanging: false, pages: 0 }
  let news = () => {}
  const feed: Feed = {
    async page(after, spared) {
      if (state.isHanging) throw new Error('the history hangs')
      state.pages++
      return history.feedPage({ after, spared, dryRun: false }, SINCE + 10_000)
    },
    onNews(listener) {
      news = listener
    },
  }
  const followers = openFollowers(feed, {
    heartbeat: 100_000,
    spared: 100_000,
    read: 100_000,
    retry: 10,
    ...pace,
  })
  const streams: PassThrough[] = []
  t.after(() => {
    followers.end()
    for (const stream of streams) stream.destroy()
  })
  const follow = (after: string, isRead = true) => {
    const stream = new PassThrough({ highWaterMark: 1000 })
    streams.push(stream)
    const lines: Line[] = []
    if (isRead) createInterface(stream).on('line', line => void lines.push(JSON.parse(line)))
    followers.from(after)(stream)
    return { stream, lines }
  }
  return { history, followers, follow, state, news: () => news() }
}

test('a history that hangs: heartbeats go on, and when it answers nothing is missing', async t => {
  const { history, followers, follow, state, news } = laboratory(t, { heartbeat: 20 })
  history.add(batch(0, 3))
  const { lines } = follow('start')
  await eventually('it is told', () => lines.length >= 3)
  state.isHanging = true
  history.add(batch(10, 3))
  news()
  await eventually('heartbeats', () => lines.filter(({ event }) => event === 'heartbeat').length > 3)
  assert.deepEqual(sourcesOf(lines), lockedOut(0, 3))
  assert.equal(lines.at(-1)!.id, lines[2]!.id, 'with the id of the last line')
  state.isHanging = false
  await eventually('what is late', () => sourcesOf(lines).length === 6)
  assert.deepEqual(sourcesOf(lines), [...lockedOut(0, 3), ...lockedOut(10, 3)])
  followers.end()
})

test('16 who do not read cost a page each, however much happens; the control reads all of it', async t => {
  const { history, follow, state, news } = laboratory(t)
  history.add(batch(0, 1000))
  const deaf = Array.from({ length: WATCHERS_MAX }, () => follow('start', false))
  const waiting = () => deaf.map(({ stream }) => Math.max(stream.writableLength, stream.readableLength))
  await eventually('each has its page', () => waiting().every(bytes => bytes > 0))
  const before = waiting()
  const { lines } = follow('start')
  for (let n = 1; n < 20; n++) {
    history.add(batch(n * 1000, 1000))
    news()
    await sleep(10)
  }
  await eventually('the control has all', () => sourcesOf(lines).length === 20_000)
  assert.deepEqual(waiting(), before)
  assert.ok(Math.max(...before) < 500 * FEED_LINES_MAX, `${before} bytes`)
  assert.ok(state.pages < 2 * WATCHERS_MAX + 20_000 / 100, `${state.pages} pages`)
})

test('who reads nothing for a while is ended; who reads slowly is not', async t => {
  const { history, followers, follow } = laboratory(t, { read: 300 })
  history.add(batch(0, 2000))
  const { stream: deaf } = follow('start', false)
  const { stream: slow } = follow('start', false)
  let got = ''
  void (async () => {
    for await (const chunk of slow) {
      got += chunk
      await sleep(100)
    }
  })().catch(() => {}) // It is destroyed in the end.
  await eventually('the deaf one is ended', () => deaf.destroyed)
  await eventually('the slow one has all', () => got.split('\n').length > 2000)
  assert.equal(slow.destroyed, false)
  assert.equal(followers.count(), 1)
  followers.end()
})

test('those who are at the end read one page together; who was let go is told in a rhythm, and the end tells the rest', async t => {
  const { history, followers, follow, state, news } = laboratory(t, { spared: 150 })
  const readers = Array.from({ length: 10 }, () => follow('now'))
  await eventually('all are there', () => readers.every(({ lines }) => lines.length > 0))
  // Their rhythms are those of when they came.
  const before = state.pages
  history.add(batch(0, 3))
  for (let n = 0; n < 50; n++) news()
  await eventually('all are told', () => readers.every(({ lines }) => sourcesOf(lines).length === 3))
  assert.ok(state.pages - before < 10, `${state.pages - before} pages`)
  history.addSightings([
    {
      source: fly('192.0.2.9'),
      because: 'near',
      count: 1,
      first: SINCE + 20,
      last: SINCE + 8000,
      tried: { kind: 'udp', port: 9 },
    },
  ])
  history.note({ event: 'paused', text: 'paused' }, SINCE)
  followers.end()
  await eventually('the rest is told, and all are ended', () =>
    readers.every(
      ({ stream, lines }) => stream.writableEnded && lines.some(({ event }) => event === 'paused'),
    ),
  )
})

test('whoever follows a daemon that ends and comes again misses nothing, and is told nothing twice', async t => {
  const here = await daemon(t)
  const given = new AbortController()
  const away: (string | undefined)[] = []
  const lines: Line[] = []
  const following = (async () => {
    const { socket } = here
    const events = followEvents({
      socket,
      after: 'start',
      signal: given.signal,
      away: why => void away.push(why?.message),
    })
    for await (const line of events) lines.push(line as unknown as Line)
  })()
  here.history.add(forever(0, 700))
  await eventually('the first are told', () => sourcesOf(lines).length === 700)
  await here.end()
  await eventually('it is told that the daemon is away', () => away.length === 1)
  await here.begin()
  here.history.add(forever(1000, 700))
  await eventually('the others are told', () => sourcesOf(lines).length >= 1400)
  given.abort()
  await following
  assert.deepEqual(sourcesOf(lines), [...lockedOut(0, 700), ...lockedOut(1000, 700)])
  assert.deepEqual([away.length, away[1]], [2, undefined])
})

test('what will not be otherwise by itself ends it: an id that is none', async t => {
  const { socket } = await daemon(t)
  const events = followEvents({ socket, after: '17', signal: new AbortController().signal })
  await assert.rejects(events.next(), { exit: 64 })
})

/** The events of a real daemon from its history: whoever was away, slow, or beside a disk that hung has all of them, once, in order. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { followEvents } from '../../src/surface/control/follow-events.ts'
import { WATCHERS_MAX } from '../../src/surface/control/watchers.ts'
import { type Installation, install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { freezableDisk } from '../support/frozen.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
/** What 16 who do not read may cost, generously: all that they were not told would be twice as much at least. */
const MEMORY_MAX = 40e6

interface Line {
  readonly id: string
  readonly event: string
  readonly source?: string
  readonly text: string
  readonly why?: string
}

async function site(world: Awaited<ReturnType<typeof makeWorld>>) {
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  return { gate, scanner }
}

/** Reads from there on; `left` ends it. */
function follow(t: TestContext, { directory }: Pick<Installation, 'directory'>, after: string) {
  const given = new AbortController()
  const lines: Line[] = []
  t.after(() => given.abort())
  const socket = join(directory, 'control.sock')
  const ended = (async () => {
    for await (const line of followEvents({ socket, after, signal: given.signal }))
      lines.push(line as unknown as Line)
  })()
  return {
    lines,
    told: () => lines.filter(({ event }) => event !== 'heartbeat'),
    async left() {
      given.abort()
      await ended
      return lines.at(-1)!.id
    },
  }
}

const short = ({ event, source, why }: Line) => [event, source ?? why].filter(Boolean).join(' ')
const lockoutsIn = (lines: readonly Line[]) =>
  lines.filter(({ event }) => event === 'lockout').map(({ source }) => source)

/** All lockouts of the history, in their order. */
function rows({ directory }: Installation): string[] {
  using sqlite = new DatabaseSync(join(directory, 'history.db'), { readOnly: true })
  return sqlite
    .prepare('SELECT source FROM lockout ORDER BY id')
    .all()
    .map(row => row.source as string)
}

/** Fresh sources try a closed port each until so many more are locked out. */
async function scan(scanner: Host, flypaperd: Installation, first: number, wanted: number): Promise<number> {
  const before = rows(flypaperd).length
  let next = first
  while (rows(flypaperd).length < before + wanted) {
    const packets = Array.from({ length: 500 }, (_, i) => {
      const n = next + i
      return { source: `198.18.${n >> 8}.${n & 255}`, destination: GATE, tcp: 81 }
    })
    next += packets.length
    await send(scanner, { bursts: [packets], wait: 0 })
    const those = rows(flypaperd).length
    await eventually('they stick', () => rows(flypaperd).length > those - 1)
  }
  return next
}

const resident = (pid: number) =>
  Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

/** Somebody who asks for everything and reads nothing. */
async function deaf(t: TestContext, { directory }: Installation): Promise<Socket> {
  const socket = connect(join(directory, 'control.sock')).on('error', () => {})
  t.after(() => socket.destroy())
  socket.pause()
  socket.write('GET /v1/events?after=start HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await new Promise(resolve => socket.once('connect', resolve))
  return socket
}

test('10,000 lockouts while a reader is away, and a restart between them: nothing is missing, nothing comes twice', async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await site(world)
  using flypaperd = install(gate, 'capture = "log"')
  const first = await flypaperd.start()
  const early = follow(t, flypaperd, 'start')
  let next = await scan(scanner, flypaperd, 0, 500)
  await eventually('the reader has these', () => lockoutsIn(early.lines).length >= 500)
  const id = await early.left()
  const had = lockoutsIn(early.lines).length

  next = await scan(scanner, flypaperd, next, 5000)
  const second = await flypaperd.start('restart')
  await first.ended
  await flypaperd.must('free', '198.18.0.1')
  next = await scan(scanner, flypaperd, next, 5000)
  await flypaperd.must('pause', '1')
  const all = rows(flypaperd)
  assert.ok(all.length - had >= 10_000, `${all.length - had} while it was away`)

  const late = follow(t, flypaperd, id)
  await eventually('all of it is told', () => late.lines.some(({ event }) => event === 'resumed'))
  assert.deepEqual([...lockoutsIn(early.lines), ...lockoutsIn(late.lines)], all)
  assert.deepEqual(
    late
      .told()
      .filter(({ event }) => event !== 'lockout' && event !== 'alarm')
      .map(short),
    ['armed', 'free 198.18.0.1', 'paused', 'resumed'],
  )
  await late.left()

  await t.test('16 who do not read cost a page each; the control has all', async t => {
    const { pid } = JSON.parse(await flypaperd.must('status', '--json')).daemon as { pid: number }
    const control = follow(t, flypaperd, 'now')
    await eventually('it is there', () => control.lines.length > 0)
    for (let n = 1; n < WATCHERS_MAX; n++) await deaf(t, flypaperd)
    const before = resident(pid)
    const known = rows(flypaperd).length
    await scan(scanner, flypaperd, next, 5000)
    const fresh = () => rows(flypaperd).slice(known)
    await eventually('the control has all', () => lockoutsIn(control.lines).length === fresh().length)
    assert.deepEqual(lockoutsIn(control.lines), fresh())
    const more = resident(pid) - before
    t.diagnostic(`${(more / 1e6).toFixed(1)} MB more`)
    assert.ok(more < MEMORY_MAX, `${more} bytes more`)
  })
  await flypaperd.must('stop')
  assert.equal((await second.ended).code, 0)
})

test('how lockouts end, by whomever: free, never-list, flush; what people order; and a history that is begun anew', async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await site(world)
  await serve(gate, 'tcp:443')
  using flypaperd = install(gate, 'capture = "log"')
  const daemon = await flypaperd.start()
  const reader = follow(t, flypaperd, 'start')
  for (const host of [1, 2, 3])
    await send(scanner, { bursts: [[{ source: `198.18.0.${host}`, destination: GATE, tcp: 81 }]], wait: 0 })
  await lockoutsOf(daemon, 3)
  await flypaperd.must('free', '198.18.0.1')
  await flypaperd.must('lock', '198.18.0.2', '--for', '2d', '--because', 'enough')
  flypaperd.settings('capture = "log"\nnever = ["198.18.0.3"]\n')
  await flypaperd.must('reload')
  // Honest hosts try that, too.
  await send(scanner, { bursts: [[{ source: '198.18.0.5', destination: GATE, tcp: 80 }]], wait: 0 })
  await flypaperd.must('flush')
  await flypaperd.must('lock', '198.18.0.4')
  // Told every ten seconds.
  const isSpared = ({ event, source }: Line) => event === 'spared' && source === '198.18.0.5'
  await eventually('who is let go is told', () => reader.lines.some(isSpared), 30_000)
  await flypaperd.must('stop')
  await daemon.ended
  // Without a daemon it is remembered as well.
  await flypaperd.must('free', '198.18.0.4')
  const expected = [
    'armed',
    'lockout 198.18.0.1',
    'lockout 198.18.0.2',
    'lockout 198.18.0.3',
    'free 198.18.0.1',
    'prolong 198.18.0.2',
    'free 198.18.0.3',
    'flush',
    'lockout 198.18.0.4',
    'disarmed',
    'free 198.18.0.4',
    'armed',
  ]
  const again = await flypaperd.start()
  const told = () => reader.told().filter(({ event }) => event !== 'spared' && event !== 'alarm')
  await eventually('it goes on by itself', () => told().length >= expected.length)
  assert.deepEqual(told().map(short), expected)
  assert.match(told()[5]!.text, /^prolong 198\.18\.0\.2, until .* \(by .*\): enough$/)
  assert.match(told()[6]!.text, /^free 198\.18\.0\.3 \(by the never-list\)$/)

  const watching = await flypaperd.launch('watch', '--after', told()[8]!.id)
  await watching.says(/trap armed/)
  assert.match(watching.output(), /trap disarmed[\s\S]*free 198\.18\.0\.4/)
  assert.doesNotMatch(watching.output(), /lockout 198\.18/)
  assert.equal((await watching.stop('SIGINT')).code, 0)
  const [, last] = /flypaperd watch --after (\S+)/.exec(watching.output())!
  assert.ok(last)
  const wrong = await flypaperd.run('watch', '--after', 'yesterday')
  assert.equal(wrong.code, 64)
  assert.match(wrong.stderr, /"after" has to be "start", "now", or the id of a line/)

  await flypaperd.must('stop')
  await again.ended
  const file = join(flypaperd.directory, 'history.db')
  writeFileSync(file, 'no database at all, '.repeat(1000))
  await flypaperd.start()
  const renewed = follow(t, flypaperd, last!)
  await eventually('it is told from its beginning', () =>
    renewed.lines.some(({ event }) => event === 'armed'),
  )
  assert.equal(short(renewed.lines[0]!), 'gap renewed')
  assert.ok(
    renewed.lines.some(({ event, text }) => event === 'alarm' && /the history was damaged/.test(text)),
  )
  await flypaperd.must('stop')
})

test('a dry run has a feed of its own', async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await site(world)
  using flypaperd = install(gate, 'capture = "log"')
  const offend = (host: number) =>
    send(scanner, { bursts: [[{ source: `198.18.0.${host}`, destination: GATE, tcp: 81 }]], wait: 0 })
  const dry = await flypaperd.start('start', '--dry-run')
  const reader = follow(t, flypaperd, 'start')
  await offend(1)
  await eventually('it is told', () => reader.lines.some(({ event }) => event === 'would-lock-out'))
  const id = await reader.left()
  await flypaperd.must('stop')
  await dry.ended
  const real = await flypaperd.start()
  await offend(2)
  await lockoutsOf(real, 1)
  const other = follow(t, flypaperd, id)
  await eventually('the other history is another one', () =>
    other.lines.some(({ event }) => event === 'lockout'),
  )
  assert.deepEqual(
    other
      .told()
      .filter(({ event }) => event !== 'alarm')
      .map(short),
    ['gap renewed', 'armed', 'lockout 198.18.0.2'],
  )
  await flypaperd.must('stop')
})

test('while the disk hangs the feed is late, and not lost', async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await site(world)
  await using disk = await freezableDisk()
  using flypaperd = install(gate, 'capture = "log"', { state: disk.state, by: disk.by })
  const daemon = await flypaperd.start()
  const reader = follow(t, flypaperd, 'start')
  const offend = (host: number) =>
    send(scanner, { bursts: [[{ source: `198.18.0.${host}`, destination: GATE, tcp: 81 }]], wait: 0 })
  await offend(1)
  await eventually('the control: it is told', () => lockoutsIn(reader.lines).length === 1)
  await disk.freeze()
  await offend(2)
  await lockoutsOf(daemon, 2)
  await flypaperd.must('free', '198.18.0.2')
  await daemon.says(/<3>the history hangs since/)
  assert.equal(lockoutsIn(reader.lines).length, 1)
  await disk.thaw()
  await daemon.says(/<4>the history answers again/)
  await eventually('what is late is told', () =>
    reader.lines.some(({ event, text }) => event === 'alarm' && /answers again/.test(text)),
  )
  assert.deepEqual(
    reader
      .told()
      .filter(({ event }) => event !== 'alarm')
      .map(short),
    ['armed', 'lockout 198.18.0.1', 'lockout 198.18.0.2', 'free 198.18.0.2'],
  )
  assert.ok(reader.lines.some(({ event, text }) => event === 'alarm' && /the history hangs/.test(text)))
  await flypaperd.must('stop')
})

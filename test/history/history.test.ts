import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import type { History } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { fly, HOUR, lockout, SINCE } from './lockouts.ts'

const FREED = { at: SINCE + 1000, by: 'root', because: 'free', counts: false }
const FLUSHED = { ...FREED, because: 'flush', counts: true }

function fresh(t: TestContext): { history: History; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'history-'))
  const file = join(folder, 'history.db')
  const history = openHistoryFile(file)
  t.after(() => {
    history[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  return { history, file }
}

/** How many lockouts of the source count. */
function times(history: History, source: Fly): number {
  return history.pastOf([source]).get(source)?.times ?? 0
}

const TRIED: Tried[] = [
  { kind: 'tcp', port: 20000, from: 4444, flags: 2 },
  { kind: 'udp', port: 53, from: 4445 },
  { kind: 'sctp', port: 36412, from: 4446 },
  { kind: 'icmp', type: 8, code: 1 },
  { kind: 'icmpv6', type: 128, code: 2 },
  { kind: 'protocol', number: 47 },
]
for (const tried of TRIED) {
  test(`what was tried comes back: ${tried.kind}`, t => {
    const { history } = fresh(t)
    const added = lockout({
      source: '2001:db8:1:2::/64',
      packetSource: '2001:db8:1:2::5',
      tried,
      hook: 'forward',
      forwardedTo: '2001:db8::9',
      until: 'forever',
      times: 4,
    })
    history.add([added])
    assert.deepEqual(history.find(fly('2001:db8:1:2::/64'), SINCE), { id: 1, ...added })
  })
}

test('who sent the packet himself is read back as its sender; by hand nobody sent one', t => {
  const { history } = fresh(t)
  const {
    packetSource: _,
    tried: __,
    hook: ___,
    ...byHand
  } = lockout({ source: '192.0.2.1', because: 'by-hand' })
  history.add([lockout(), byHand])
  assert.equal(history.find(fly('69.0.231.79'), SINCE)?.packetSource, '69.0.231.79')
  assert.equal(history.find(fly('192.0.2.1'), SINCE)?.packetSource, undefined)
})

test('a lockout is in force until it is over, without a write', t => {
  const { history } = fresh(t)
  history.add([lockout(), lockout({ source: '192.0.2.1', until: 'forever' })])
  const flies = (now: number) => [...history.flies(now)].map(({ source }) => source).sort()
  assert.deepEqual(flies(SINCE + HOUR - 1), ['192.0.2.1', '69.0.231.79'])
  assert.deepEqual(flies(SINCE + HOUR), ['192.0.2.1'])
  assert.equal(history.count(SINCE + HOUR - 1), 2)
  assert.equal(history.count(SINCE + HOUR), 1)
  assert.equal(history.find(fly('69.0.231.79'), SINCE + HOUR - 1)?.source, '69.0.231.79')
  assert.equal(history.find(fly('69.0.231.79'), SINCE + HOUR), undefined)
})

test('times before: those that are over count, the freed one does not, the flushed one does', t => {
  const { history } = fresh(t)
  const again = (n: number) =>
    history.add([lockout({ since: SINCE + n * HOUR, times: times(history, fly('69.0.231.79')) + 1 })])
  assert.equal(times(history, fly('69.0.231.79')), 0)
  again(0)
  assert.equal(times(history, fly('69.0.231.79')), 1)
  again(1)
  assert.equal(times(history, fly('69.0.231.79')), 2)
  assert.equal(history.release([fly('69.0.231.79')], { ...FREED, at: SINCE + HOUR + 1 }), 1)
  assert.equal(times(history, fly('69.0.231.79')), 1)
  again(2)
  assert.equal(times(history, fly('69.0.231.79')), 2)
  assert.equal(history.releaseAll({ ...FLUSHED, at: SINCE + 2 * HOUR + 1 }), 1)
  assert.equal(times(history, fly('69.0.231.79')), 2)
  assert.equal(times(history, fly('192.0.2.1')), 0)
})

test('released: who, when, why; it ends the lockout and only what is in force', t => {
  const { history } = fresh(t)
  history.add([
    lockout(),
    lockout({ source: '192.0.2.1', until: SINCE + 500 }),
    lockout({ source: '192.0.2.2' }),
  ])
  assert.equal(history.release([fly('69.0.231.79'), fly('192.0.2.1'), fly('192.0.2.99')], FREED), 1)
  assert.equal(history.find(fly('69.0.231.79'), SINCE + 1000), undefined)
  assert.equal(history.count(SINCE + 1000), 1)
  assert.equal(history.release([fly('69.0.231.79')], FREED), 0)
  const freed = history.newest(3).find(row => row.source === '69.0.231.79')
  assert.deepEqual(freed?.released, { at: SINCE + 1000, by: 'root', because: 'free' })
  assert.equal(history.newest(3).find(row => row.source === '192.0.2.1')?.released, undefined)
})

test('a fly that is locked out again has one lockout in force, the later one', t => {
  const { history } = fresh(t)
  history.add([lockout(), lockout({ since: SINCE + 5, times: 2 })])
  history.add([lockout({ since: SINCE + 9, times: 3 })])
  assert.deepEqual(
    [...history.flies(SINCE + 10)].map(({ times }) => times),
    [3],
  )
  assert.equal(history.count(SINCE + 10), 1)
  assert.equal(history.newest(10).length, 3)
})

test('a batch is remembered whole or not at all', t => {
  const { history } = fresh(t)
  const broken = { ...lockout({ source: '192.0.2.2' }), because: null as unknown as Lockout['because'] }
  assert.throws(() => history.add([lockout({ source: '192.0.2.1' }), broken]), /NOT NULL/)
  const alike = Array.from({ length: 9 }, (_, n) => ({ ...broken, source: fly(`192.0.2.${n + 10}`) }))
  assert.throws(() => history.add([lockout({ source: '192.0.2.1' }), ...alike]), /NOT NULL/)
  assert.equal(history.count(SINCE), 0)
  history.add([lockout()])
  assert.equal(history.count(SINCE), 1)
})

test('lockouts that are alike are remembered as one by one, whoever came before', t => {
  const udp = { kind: 'udp', port: 53, from: 4445 } as const
  const tcp = (n: number) => ({ kind: 'tcp', port: 65535 - n, from: 65535 - 2 * n, flags: 2 }) as const
  const source = (n: number) => `192.0.2.${n}`
  const lockouts = [
    ...Array.from({ length: 9 }, (_, n) => lockout({ source: source(n), tried: tcp(n) })),
    ...Array.from({ length: 9 }, (_, n) => lockout({ source: source(20 + n), tried: udp, until: 'forever' })),
    ...Array.from({ length: 9 }, (_, n) => lockout({ source: source(40 + n), times: 1 + (n >> 2) })),
    ...Array.from({ length: 9 }, (_, n) => lockout({ source: source(60 + n), forwardedTo: source(200 + n) })),
    ...Array.from({ length: 9 }, (_, n) =>
      lockout({ source: `2001:db8:${n + 1}::/64`, packetSource: `2001:db8:${n + 1}::5` }),
    ),
    ...Array.from({ length: 9 }, (_, n) =>
      lockout({ source: source(80 + n), tried: { kind: 'udp', port: n } }),
    ),
  ]
  const [together, apart] = [fresh(t).history, fresh(t).history]
  const before = [...[3, 8, 25, 41, 66].map(source), '2001:db8:2::/64', '2001:db8:9::/64'].map(known =>
    lockout({ source: known, since: SINCE - HOUR }),
  )
  for (const history of [together, apart]) history.add(before)
  together.add(lockouts)
  for (const one of lockouts) apart.add([one])
  const rows = (history: History) => history.newest(100)
  assert.deepEqual(rows(together).length, before.length + lockouts.length)
  assert.deepEqual(new Set(rows(together).map(withoutId)), new Set(rows(apart).map(withoutId)))
  assert.equal(together.count(SINCE), lockouts.length)
  for (const { source } of before) assert.equal(together.find(source, SINCE)?.since, SINCE)
})

function withoutId({ id: _, ...row }: { id: number }): object {
  return row
}

test('newest first, page by page, all or those in force', t => {
  const { history } = fresh(t)
  history.add(
    [1, 2, 3, 4, 5].map(n => lockout({ source: `192.0.2.${n}`, until: n % 2 ? SINCE + 1 : 'forever' })),
  )
  const names = (rows: { source: string }[]) => rows.map(row => row.source.slice(-1)).join('')
  const page = history.newest(2)
  assert.equal(names(page), '54')
  assert.equal(names(history.newest(9, { before: page[1]!.id })), '321')
  assert.equal(names(history.newest(9, { now: SINCE + 1 })), '42')
})

test('flies are streamed: leaving early, writing meanwhile and two at once are fine', t => {
  const { history } = fresh(t)
  history.add(Array.from({ length: 100 }, (_, n) => lockout({ source: `192.0.2.${n}` })))
  for (const { source } of history.flies(SINCE)) {
    history.release([source], FREED)
    if (source === '192.0.2.9') break
  }
  let pairs = 0
  for (const _ of history.flies(SINCE)) for (const _ of history.flies(SINCE)) pairs += 1
  assert.equal(pairs, 90 * 90)
})

test('meta outlives the history object; a later value replaces the first', t => {
  const { history, file } = fresh(t)
  assert.equal(history.getMeta('boot'), undefined)
  history.setMeta('boot', 'a')
  history.setMeta('boot', 'b')
  history[Symbol.dispose]()
  using again = openHistoryFile(file)
  assert.equal(again.getMeta('boot'), 'b')
})

test('read-only beside the writer: it sees what was added, and cannot add', t => {
  const { history, file } = fresh(t)
  history.add([lockout()])
  using reader = openHistoryFile(file, { readOnly: true })
  assert.equal(reader.count(SINCE), 1)
  history.add([lockout({ source: '192.0.2.1' })])
  assert.equal(reader.count(SINCE), 2)
  assert.throws(() => reader.add([lockout()]), { name: 'Failure', exit: 77 })
})

test('a row that this version did not write is refused, by its number', t => {
  for (const change of ["source = '69.0.231.79; flush ruleset'", "tried = 'carrier-pigeon'"]) {
    const { history, file } = fresh(t)
    history.add([lockout()])
    using other = openDatabase(file, { migrations: MIGRATIONS, readOnly: false })
    other.prepare(`UPDATE lockout SET ${change}`).run()
    assert.throws(() => [...history.flies(SINCE)], {
      name: 'Failure',
      exit: 69,
      message: /in its lockout 1,/,
    })
  }
})

test('whoever gives a fly another end is remembered: the reason and the count stay, and a note of before', t => {
  const { history } = fresh(t)
  history.add([lockout()])
  const until = SINCE + 24 * HOUR
  const prolongation = { source: lockout().source, until, by: 'anna' }
  history.prolong(
    [
      { ...prolongation, note: 'he goes on' },
      { ...prolongation, source: fly('192.0.2.9') },
    ],
    SINCE + 1,
  )
  const found = history.find(lockout().source, SINCE + 2 * HOUR)
  assert.deepEqual(found, { id: 1, ...lockout(), until, by: 'anna', note: 'he goes on' })
  assert.equal(times(history, lockout().source), 1)
  history.prolong([{ ...prolongation, until: 'forever' }], SINCE + 2)
  assert.equal(history.find(lockout().source, SINCE + 99 * HOUR)?.note, 'he goes on')
  history.release([lockout().source], FREED)
  history.prolong([prolongation], FREED.at + 1)
  assert.equal(history.find(lockout().source, FREED.at + 2), undefined, 'who was freed stays free')
  assert.equal(history.newest(9).length, 1)
})

test('who goes on trying stays, and it is the same lockout, of nobody; after a restart it is prolonged by the same again', t => {
  const { history } = fresh(t)
  const several = { ports: ['tcp/20000', 'tcp/20001'] }
  history.add([
    lockout(several),
    lockout({ source: '192.0.2.1' }),
    lockout({ source: '192.0.2.2', ...several, grade: 'forgeable-known' }),
    lockout({ source: '192.0.2.3', ...several, because: 'by-hand' }),
  ])
  const others = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
  assert.deepEqual(
    [...history.terms(SINCE + 1)].flatMap(({ source, stretch }) =>
      others.includes(source) ? [stretch] : [],
    ),
    [undefined, undefined, undefined],
    'a single port, a known host, by hand',
  )
  history.release(others as Fly[], FREED)
  const stretchOf = (now: number) => [...history.terms(now)].map(({ stretch }) => stretch)
  assert.deepEqual(stretchOf(SINCE + 1), [HOUR])
  for (const hours of [2, 3])
    history.prolong([{ source: lockout().source, until: SINCE + hours * HOUR, packets: 9 }], SINCE + 1)
  const now = SINCE + 2 * HOUR
  assert.deepEqual(history.find(lockout().source, now), {
    id: 1,
    ...lockout(several),
    until: SINCE + 3 * HOUR,
    prolonged: 2,
  })
  assert.deepEqual(stretchOf(now), [HOUR])
  assert.equal(times(history, lockout().source), 1)
  history.prolong([{ source: lockout().source, until: SINCE + 9 * HOUR, by: 'anna' }], now)
  assert.deepEqual(stretchOf(now), [undefined], 'a person has said its end')
})

test('no two lockouts of a source are in force: the one that goes on ends when the next begins', t => {
  const { history } = fresh(t)
  const many = Array.from({ length: 9 }, (_, i) => lockout({ source: `198.51.100.${i}` }))
  history.add([lockout(), ...many])
  const again = (one: Lockout): Lockout => ({ ...one, since: SINCE + 5, until: SINCE + 9, times: 2 })
  history.add([again(lockout()), ...many.map(again)])
  history.release([lockout().source], { ...FREED, at: SINCE + 6 })
  const { rows } = history.storyPage([lockout().source], SINCE)
  assert.deepEqual(
    rows.map(({ released }) => released),
    [
      { at: SINCE + 6, by: 'root', because: 'free' },
      { at: SINCE + 5, by: 'flypaperd', because: 'replaced' },
    ],
  )
  assert.equal(history.count(SINCE + 10), 0)
  const over = lockout({ source: '192.0.2.1', until: SINCE + 1 })
  history.add([over])
  history.add([{ ...over, since: SINCE + 2, until: SINCE + 3, times: 2 }])
  const [, first] = history.storyPage([over.source], SINCE).rows
  assert.equal(first?.released, undefined, 'its time was over')
})

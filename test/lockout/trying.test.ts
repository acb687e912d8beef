/** Who is asked when, and what counts as trying. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { goOn } from '../../src/lockout/decide/go-on.ts'
import { ASKED_AT_ONCE, indexOfFlies } from '../../src/lockout/flies.ts'
import { type Due, packetsSince, writtenDown } from '../../src/lockout/trying.ts'
import type { Fly } from '../../src/terms/fly.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = { longestMs: 24 * HOUR }
const fly = (text: string) => text as Fly

/** A fly of an hour from 0 on. */
function index(stretch = HOUR) {
  const flies = indexOfFlies()
  flies.put(fly('192.0.2.7'), { since: 0, until: HOUR, stretch })
  const dueAt = (now: number, longest = DAY) =>
    [...flies.dueToAsk(longest, () => now)].flatMap(({ due }) => due)
  const nextAt = (now: number) => Math.min(...[...flies.dueToAsk(DAY, () => now)].map(({ next }) => next))
  return { flies, dueAt, nextAt }
}

test('a fly is asked for at the half of its time and ten seconds before the end', () => {
  const { flies, dueAt, nextAt } = index()
  assert.deepEqual(dueAt(30 * MINUTE - 1), [])
  assert.equal(nextAt(0), 30 * MINUTE)
  assert.deepEqual(dueAt(30 * MINUTE), [{ fly: '192.0.2.7', since: 0, until: HOUR, stretch: HOUR, seen: 0 }])
  flies.saw(fly('192.0.2.7'), 41)
  assert.deepEqual(dueAt(HOUR - 10_001), [])
  assert.equal(nextAt(30 * MINUTE), HOUR - 10_000)
  assert.deepEqual(
    dueAt(HOUR - 10_000).map(({ seen }) => seen),
    [42],
  )
  assert.deepEqual(dueAt(HOUR), [], 'its time is over')
  flies.put(fly('192.0.2.7'), { since: 0, until: 2 * HOUR, stretch: HOUR })
  assert.equal(nextAt(HOUR), 90 * MINUTE, 'its time begins anew')
})

test('who was not asked for at his half in time, or is not asked for any more, ends; short times are asked for a quarter before', () => {
  const { flies, dueAt, nextAt } = index()
  assert.deepEqual(dueAt(HOUR - 10_000), [], 'nobody knows what it had at its half')
  flies.saw(fly('192.0.2.7'), undefined)
  assert.deepEqual(dueAt(45 * MINUTE), [])
  assert.equal(nextAt(0), Number.POSITIVE_INFINITY)
  flies.put(fly('192.0.2.8'), { since: 0, until: 8000, stretch: 8000 })
  assert.equal(nextAt(0), 4000)
  flies.saw(fly('192.0.2.8'), 0)
  assert.equal(nextAt(0), 6000)
  flies.saw(fly('192.0.2.99'), 1)
  flies.saw(fly('10.0.0.0/8'), 1)
})

test('nobody is asked for whose end a person has said, who stays for ever, or would stay longer than he may', () => {
  const { flies, dueAt } = index()
  flies.put(fly('192.0.2.1'), { since: 0, until: HOUR })
  flies.put(fly('192.0.2.2'), { since: 0, until: Number.POSITIVE_INFINITY })
  flies.put(fly('10.0.0.0/8'), { since: 0, until: HOUR, stretch: HOUR })
  flies.put(fly('192.0.2.3'), { since: -23 * HOUR, until: HOUR, stretch: HOUR })
  flies.put(fly('192.0.2.4'), { since: -22 * HOUR, until: HOUR, stretch: HOUR })
  const names = (longest = DAY) => dueAt(45 * MINUTE, longest).map(one => one.fly)
  assert.deepEqual(names(), ['192.0.2.7', '192.0.2.4'])
  assert.deepEqual(names({ longestMs: HOUR }), [])
  assert.deepEqual(names({ longestMs: Number.POSITIVE_INFINITY }), ['192.0.2.7', '192.0.2.3', '192.0.2.4'])
})

test('many are asked for in pieces, each once, of all kinds', () => {
  const flies = indexOfFlies()
  const all = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  all.push('2001:db8::/64', '2001:db8::1:0:0:1')
  for (const one of all) flies.put(fly(one), { since: 0, until: HOUR, stretch: HOUR })
  const pieces = [...flies.dueToAsk(DAY, () => 40 * MINUTE)]
  assert.ok(pieces.every(({ due }) => due.length <= ASKED_AT_ONCE))
  assert.deepEqual(pieces.flatMap(({ due }) => due.map(one => one.fly)).sort(), all.sort())
  assert.deepEqual(
    pieces.filter(({ set }) => set === 'flypaper6').flatMap(({ due }) => due.map(one => one.fly)),
    ['2001:db8::/64', '2001:db8::1:0:0:1'],
  )
})

test('what was counted since is told, also beyond 32 bits, and of a counter that was begun anew all of it', () => {
  const packets = fc.integer({ min: 0, max: 2 ** 45 })
  fc.assert(
    fc.property(packets, fc.integer({ min: 0, max: 2 ** 31 }), (before, more) => {
      assert.equal(packetsSince(writtenDown(before), before + more), more)
    }),
  )
  assert.equal(packetsSince(writtenDown(50), 3), 3)
  assert.equal(packetsSince(writtenDown(50), 0), 0)
})

test('who tried in the second half stays by the length of the first time; who did not is not asked for again', () => {
  const due = (name: string, seen: number): Due => ({
    fly: fly(name),
    since: 0,
    until: HOUR,
    stretch: 10 * MINUTE,
    seen,
  })
  const asked = [
    due('192.0.2.1', 0),
    due('192.0.2.2', 6),
    due('192.0.2.3', 6),
    due('192.0.2.4', 6),
    due('192.0.2.5', 0),
  ]
  const counted = new Map([
    [fly('192.0.2.1'), 9],
    [fly('192.0.2.2'), 5],
    [fly('192.0.2.3'), 7],
  ])
  const { decision, saw, next } = goOn(asked, counted)
  assert.deepEqual(decision.prolong, [{ source: '192.0.2.3', until: HOUR + 10 * MINUTE, packets: 2 }])
  assert.deepEqual(saw, [
    { fly: '192.0.2.1', packets: 9 },
    { fly: '192.0.2.2', packets: undefined },
    { fly: '192.0.2.4', packets: undefined },
    { fly: '192.0.2.5', packets: undefined },
  ])
  assert.equal(next, HOUR - 10_000)
  assert.equal(goOn([], counted).next, Number.POSITIVE_INFINITY)
})

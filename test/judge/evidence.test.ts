import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CLASSES,
  EVIDENCE_PIECES_MAX,
  EVIDENCE_SOURCES_MAX,
  openEvidence,
  sumOf,
} from '../../src/judge/evidence.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import type { Fly } from '../../src/terms/fly.ts'

const NOW = 1_000_000
const WINDOW = 600 as Seconds
const TIMES = { window: WINDOW, fade: WINDOW }
const sourceOf = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` as string as Fly
const piece = (port: number, weight = 2) => ({ what: `tcp/${port}`, weight })

test('the memory is bounded: the source that has been quiet longest makes room, and no class takes the room of another', () => {
  const memory = openEvidence()
  const first = sourceOf(0)
  const sum = (port: number) => sumOf(memory.add(first, 'known', piece(port), TIMES, NOW))
  assert.equal(sum(1), 2)
  for (let i = 1; i < EVIDENCE_SOURCES_MAX; i++) memory.add(sourceOf(i), 'known', piece(1), TIMES, NOW)
  assert.equal(sum(2), 4, 'still there when the memory is just full')
  for (let i = 1; i <= 2 * EVIDENCE_SOURCES_MAX; i++)
    memory.add(sourceOf(i), 'stranger', piece(1), TIMES, NOW)
  assert.equal(sum(3), 6, 'a flood of strangers fills only theirs')
  for (let i = 1; i <= EVIDENCE_SOURCES_MAX; i++) memory.add(sourceOf(i), 'known', piece(1), TIMES, NOW)
  assert.equal(sum(4), 2, 'forgotten')
})

test('so many ports of one source, whatever the settings let it try', () => {
  const memory = openEvidence()
  let all: readonly unknown[] = []
  for (let port = 1; port <= 2 * EVIDENCE_PIECES_MAX; port++)
    all = memory.add(sourceOf(0), 'stranger', piece(port), TIMES, NOW)
  assert.equal(all.length, EVIDENCE_PIECES_MAX)
  assert.deepEqual(all.at(-1), piece(2 * EVIDENCE_PIECES_MAX), 'the oldest makes room')
})

test('a port counts once, at its greatest weight, until its window is over; of all classes together', () => {
  const memory = openEvidence()
  const add = (of: (typeof CLASSES)[number], port: number, weight: number, seconds: number) =>
    sumOf(memory.add(sourceOf(0), of, piece(port, weight), TIMES, NOW + seconds * 1000))
  assert.deepEqual([add('known', 80, 1, 0), add('known', 80, 1, 300)], [1, 1])
  assert.equal(add('known', 81, 2, 599), 3)
  assert.equal(add('known', 81, 1, 600), 2, 'the first is over; less weight takes nothing away')
  assert.equal(add('peer', 81, 2, 601), 2, 'the same port')
  assert.equal(add('stranger', 82, 6, 602), 8)
  assert.equal(sumOf(memory.take(sourceOf(0), NOW + 603_000)), 10, 'as each class has it')
  assert.equal(add('known', 83, 2, 604), 2, 'taken: forgotten')
})

test('beyond its window a port counts half, rounded down, until it has faded; tried again it counts whole, once', () => {
  const memory = openEvidence()
  const times = { window: WINDOW, fade: 86_400 as Seconds }
  const add = (port: number, weight: number, seconds: number) =>
    sumOf(memory.add(sourceOf(0), 'known', piece(port, weight), times, NOW + seconds * 1000))
  assert.deepEqual([add(1, 2, 0), add(2, 1, 1), add(3, 5, 599)], [2, 3, 8])
  assert.equal(add(4, 2, 1300), 1 + 0 + 2 + 2)
  assert.deepEqual([add(1, 2, 1301), add(1, 2, 1302)], [6, 6], 'whole again')
  assert.deepEqual(memory.take(sourceOf(0), NOW + 86_400_000 + 650_000), [piece(4, 1), piece(1, 1)])
  add(5, 2, 0)
  assert.deepEqual(memory.take(sourceOf(0), NOW + 86_400_000), [], 'a day is over')
})

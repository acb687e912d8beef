import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { openSightings } from '../../src/history/sightings.ts'
import { openSightingBuffer, SIGHTINGS_A_SECOND } from '../../src/judge/sightings.ts'
import { letGo } from '../../src/judge/verdict.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { fly, SINCE, sourceOf } from './lockouts.ts'

const tried = (port: number): Tried => ({ kind: 'tcp', port, from: 1, flags: 2 })

function fresh(t: TestContext, most?: number) {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-sightings-'))
  const database = openDatabase(join(folder, 'history.db'), { migrations: MIGRATIONS, readOnly: false })
  t.after(() => {
    database[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  const rows = () => database.prepare('SELECT count(*) AS rows FROM sighting').get()!.rows as number
  return { sightings: openSightings(database, most), rows }
}

test('one row a source and reason, with how often, when first and last, and what last', t => {
  const { sightings } = fresh(t)
  const witness = openSightingBuffer()
  witness.saw(fly('192.0.2.9'), tried(81), letGo('peer'), SINCE)
  witness.saw(fly('192.0.2.9'), tried(82), letGo('peer'), SINCE + 5)
  witness.saw(fly('192.0.2.9'), tried(83), letGo('near'), SINCE + 6)
  sightings.addSightings(witness.take())
  assert.deepEqual(witness.take(), [], 'taken once')
  witness.saw(fly('192.0.2.9'), tried(84), letGo('peer'), SINCE + 2000)
  sightings.addSightings(witness.take())
  const source = '192.0.2.9'
  assert.deepEqual(sightings.sightingsOf([source]), [
    { source, because: 'peer', count: 3, first: SINCE, last: SINCE + 2000, tried: tried(84) },
    { source, because: 'near', count: 1, first: SINCE + 6, last: SINCE + 6, tried: tried(83) },
  ])
  assert.equal(sightings.sightingsOf(['192.0.2.8', source]).length, 2)
  assert.deepEqual(sightings.sightingsOf(['192.0.2.8']), [])
})

test('the table is bounded: the oldest make room', t => {
  const { sightings, rows } = fresh(t, 100)
  for (let n = 0; n < 300; n++) {
    const seen = { because: 'near', count: 1, tried: tried(1) } as const
    sightings.addSightings([{ ...seen, source: sourceOf(n), first: SINCE + n, last: SINCE + n }])
    assert.ok(rows() <= 110, `${n}: ${rows()}`)
  }
  assert.equal(sightings.sightingsOf([sourceOf(299)]).length, 1)
  assert.equal(sightings.sightingsOf([sourceOf(0)]).length, 0)
})

test('a second is bounded: further sources are not remembered, known ones are', () => {
  const witness = openSightingBuffer()
  for (let n = 0; n < SIGHTINGS_A_SECOND + 500; n++) witness.saw(sourceOf(n), tried(1), letGo('near'), SINCE)
  witness.saw(sourceOf(0), tried(1), letGo('near'), SINCE)
  const taken = witness.take()
  assert.equal(taken.length, SIGHTINGS_A_SECOND)
  assert.equal(taken[0]!.count, 2)
})

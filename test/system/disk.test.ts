import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Sighting } from '../../src/judge/sightings.ts'
import { HANGING_MAX, openDisk } from '../../src/system/disk.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { Failure } from '../../src/terms/failure.ts'
import { batch, SINCE } from '../history/lockouts.ts'
import { eventually } from '../support/eventually.ts'

function stuckDisk(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const places = {
    historyFile: join(folder, 'history.db'),
    stateFile: join(folder, 'boot.nft'),
    neverFile: join(folder, 'never.jsonl'),
    gate,
  }
  const log = { info: say, warn: say, error: say }
  const disk = openDisk(places, log, () => SINCE, new URL('stuck-thread-child.ts', import.meta.url))
  disk.history.neverWait()
  return {
    disk,
    said,
    file: places.historyFile,
    hang() {
      gate[0] = 1
      disk.history.knows('192.0.2.1' as never) // After this one it hangs.
    },
    goOn() {
      gate[0] = 0
      Atomics.notify(gate, 0)
    },
  }
}

const sightings = (count: number) =>
  batch(0, count).map(({ source, tried }): Sighting => {
    return { source, because: 'near', count: 1, first: SINCE, last: SINCE, tried: tried! }
  })

test('while the thread hangs nothing waits for it, what waits is bounded, what is lost is counted, and the rest is there in its order', async t => {
  const { disk, said, file, hang, goOn } = stuckDisk(t)
  const { history } = disk
  try {
    history.add(batch(0, 10))
    assert.equal(history.count(SINCE), 10)
    assert.equal([...history.selectPieces({}, SINCE)].flat().length, 10)
    assert.equal(history.pastOf(batch(0, 1).map(({ source }) => source)).size, 1)

    hang()
    history.add(batch(10, 990))
    const began = performance.now()
    history.release([batch(0, 1)[0]!.source], { at: SINCE, by: 'test', because: 'free', counts: false })
    for (let piece = 1; piece < 60; piece++) history.add(batch(piece * 1000, 1000))
    history.addSightings(sightings(10))
    history.setMeta('note', 'first')
    history.setMeta('note', 'last')
    assert.equal(history.getMeta('note'), 'last')
    assert.equal(history.pastOf(batch(0, 1).map(({ source }) => source)).size, 0, 'as if not known')
    assert.throws(() => [...history.selectPieces({}, SINCE)], Failure)
    assert.equal(history.retry(), true)
    await eventually('told', () => history.retry() && said.length > 0)
    assert.ok(performance.now() - began < 30_000)
    assert.match(said[0]!, /^the history hangs since \S+: the disk of \S+ does not answer/)
    const { hangsSince, waiting, lost } = history.standing()
    assert.ok(hangsSince !== undefined)
    assert.equal(waiting, 990 + 1 + 49_000)
    assert.equal(lost, 10_000 + 10, 'sightings take no more than half')
    assert.ok(waiting <= HANGING_MAX)

    goOn()
    await eventually('caught up', () => !history.retry())
    assert.equal(history.count(SINCE), 1000 - 1 + 49_000)
    assert.deepEqual(history.standing(), { waiting: 0, lost: 10_010 })
    assert.match(said.at(-1)!, /^the history answers again: .*, 10,010 since the start/)
    assert.equal(history.getMeta('note'), 'last')
  } finally {
    goOn()
    disk[Symbol.dispose]()
  }
  using read = openHistoryFile(file, { readOnly: true })
  assert.equal(read.count(SINCE), 49_999)
})

test('the end waits for a thread that hangs no longer than some seconds, and says what is missing', t => {
  const { disk, said, hang, goOn } = stuckDisk(t)
  try {
    hang()
    disk.history.add(batch(0, 3))
    disk[Symbol.dispose]()
    assert.match(said.at(-1)!, /^3 lockouts and releases could not be written, since the disk hangs/)
  } finally {
    goOn()
  }
})

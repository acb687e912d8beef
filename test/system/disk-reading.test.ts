import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readingBy } from '../../src/system/disk-reading.ts'

const HANGS = new Error('the history hangs')
const PATIENCE_MS = 20

function thread(answers: Record<string, unknown>) {
  const jobs: string[] = []
  return {
    jobs,
    late: false,
    isLate() {
      return this.late
    },
    later(job: string) {
      jobs.push(job)
      return job in answers ? Promise.resolve(answers[job]) : new Promise<never>(() => {})
    },
  }
}

test('a disk that hangs: whoever reads is told so, at once where it is known, else after a while', async () => {
  const hanging = thread({ selectPage: { rows: [], next: undefined } })
  const reading = readingBy(
    hanging,
    () => HANGS,
    () => 1,
    PATIENCE_MS,
  )
  assert.deepEqual(await reading.selectPage({}, 0), { rows: [], next: undefined }) // The control.
  await assert.rejects(reading.storyPage([], 0), HANGS)
  await assert.rejects(async () => {
    for await (const _ of reading.sums(0)) assert.fail('nothing comes')
  }, HANGS)
  assert.deepEqual(hanging.jobs, ['selectPage', 'storyPage', 'next', 'forget'])
  hanging.late = true
  await assert.rejects(reading.selectPage({}, 0), HANGS)
  assert.equal(hanging.jobs.length, 4, 'nothing more was asked')
})

test('whoever reads no further is forgotten by the thread', async () => {
  const busy = thread({ next: [undefined], forget: undefined })
  for await (const piece of readingBy(
    busy,
    () => HANGS,
    () => 1,
  ).sums(0)) {
    assert.equal(piece, undefined)
    break
  }
  assert.deepEqual(busy.jobs, ['next', 'forget'])
})

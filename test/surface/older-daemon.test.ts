/** What 0.1.0 answers is understood, and it understands what it is answered: `restart` of one version relieves the daemon of another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlushAnswer, FreeAnswer, LockAnswer } from '../../src/surface/control/protocol.ts'
import { StatusAnswer } from '../../src/surface/control/status-protocol.ts'

/** Each answer of 0.1.0 with all that it must have there. */
const ANSWERS = {
  status: {
    schema: StatusAnswer,
    answer: {
      pid: 4711,
      version: '0.1.0',
      since: 1_764_000_000_000,
      capture: 'log',
      closed: 'listening',
      dryRun: false,
      counts: {
        lockouts: 1,
        again: 0,
        overflow: 0,
        spared: {},
        deferred: 0,
        kernel: {},
        packets: 3,
        overruns: 0,
        lost: 0,
      },
    },
  },
  lock: { schema: LockAnswer, answer: { locked: ['192.0.2.7'], refused: [] } },
  free: { schema: FreeAnswer, answer: { flies: ['192.0.2.7'], held: [], count: 1 } },
  flush: { schema: FlushAnswer, answer: { flies: 2 } },
} as const

for (const [name, { schema, answer }] of Object.entries(ANSWERS)) {
  test(`${name}: what 0.1.0 answers, with nothing of it lost`, () => {
    assert.partialDeepStrictEqual(schema.parse(answer), answer)
  })

  test(`${name}: what 0.1.0 needs, no answer of today may leave out`, () => {
    for (const field of Object.keys(answer)) {
      const { [field as keyof typeof answer]: _, ...rest } = answer
      assert.ok(!schema.safeParse(rest).success, field)
    }
  })
}

test('so it is with the counts', () => {
  const { schema, answer } = ANSWERS.status
  assert.equal(schema.parse(answer).counts.logLost, 0)
  for (const count of Object.keys(answer.counts)) {
    const { [count as keyof typeof answer.counts]: _, ...counts } = answer.counts
    assert.ok(!schema.safeParse({ ...answer, counts }).success, count)
  }
})

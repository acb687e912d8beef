/** When the rules of others are looked at: soon, not often, and not without an end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRuleChanges, type RuleChanges } from '../../src/keep/rule-changes.ts'

function laboratory(
  t: { mock: typeof import('node:test').mock },
  look: () => number | undefined = () => undefined,
) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const looks: number[] = []
  const failures: unknown[] = []
  let spent = 0
  const clock = () => Date.now() / 1000 + spent
  const changes: RuleChanges = openRuleChanges(
    () => {
      looks.push(Math.round(clock() * 10) / 10)
      return look()
    },
    clock,
    error => failures.push(error),
  )
  /** Seconds pass, in steps; in each of them somebody writes, if he does. */
  const pass = (seconds: number, step = 0.1, write = false) => {
    for (let passed = 0; passed < seconds; passed += step) {
      if (write) changes.note()
      t.mock.timers.tick(step * 1000)
    }
  }
  const spend = (seconds: number) => {
    spent += seconds
  }
  return { changes, looks, failures, pass, spend }
}

test('a change is looked at soon, and many are not looked at more often than every third second', t => {
  const { changes, looks, pass } = laboratory(t)
  using _ = changes
  pass(10)
  assert.deepEqual(looks, [], 'nobody has changed anything')
  changes.note()
  pass(10)
  assert.deepEqual([looks.length, looks[0]! < 10.5], [1, true])
  pass(60, 0.01, true)
  assert.ok(looks.length >= 15 && looks.length <= 22, `${looks.length} looks`)
})

test('a look that takes long is taken more seldom', t => {
  const { changes, looks, pass, spend } = laboratory(t, () => {
    spend(1)
    return undefined
  })
  using _ = changes
  pass(60, 0.1, true)
  assert.ok(looks.length >= 2 && looks.length <= 6, `${looks.length} looks in a minute`)
})

test('a look that wants another gets it, one that fails is told and the next change is looked at', t => {
  const answers = [5, undefined]
  const { changes, looks, failures, pass } = laboratory(t, () => {
    if (answers.length === 0) throw new Error('no netlink')
    return answers.shift()
  })
  using _ = changes
  changes.note()
  pass(20)
  assert.deepEqual(looks.map(Math.floor), [0, 5])
  for (let i = 0; i < 2; i++) {
    changes.note()
    pass(10)
  }
  assert.equal(failures.length, 2)
})

test('what a refusal proves: nothing while somebody writes, little when he never ends, all when it is at rest', t => {
  const { changes, pass } = laboratory(t)
  using _ = changes
  assert.equal(changes.evidence(), 'later', 'what was written before is not known')
  pass(6)
  assert.equal(changes.evidence(), 'full')
  changes.note()
  assert.equal(changes.evidence(), 'later')
  changes.note()
  assert.equal(changes.evidence(), 'none')
  pass(4)
  assert.equal(changes.evidence(), 'none')
  pass(2)
  assert.equal(changes.evidence(), 'full')
  pass(29, 1, true)
  assert.equal(changes.evidence(), 'none')
  pass(2, 1, true)
  assert.equal(changes.evidence(), 'weak')
  pass(6)
  assert.equal(changes.evidence(), 'full')
})

test('what was refused is not judged by rules that nobody has looked at, however slow the looks are', t => {
  const { changes, looks, pass, spend } = laboratory(t, () => {
    spend(1.5)
    return undefined
  })
  using _ = changes
  pass(6)
  changes.note()
  pass(1)
  const before = looks.length
  changes.note()
  pass(6)
  assert.equal(looks.length, before, 'the pace')
  assert.equal(changes.evidence(), 'full')
  assert.equal(looks.length, before + 1)
})

test('after one transaction it is seen whether that was all: at rest it was, with another it was not', t => {
  const { changes, pass } = laboratory(t)
  using _ = changes
  const told: (readonly [string, boolean])[] = []
  const waits = (what: string) => changes.later(isAtRest => told.push([what, isAtRest]))
  waits('at the start')
  changes.note()
  assert.deepEqual(told.splice(0), [['at the start', false]])
  pass(6)
  changes.note()
  waits('one')
  pass(3)
  waits('two')
  assert.deepEqual(told, [])
  pass(3)
  assert.deepEqual(told.splice(0), [
    ['one', true],
    ['two', true],
  ])
  changes.note()
  waits('three')
  changes.note()
  assert.deepEqual(told.splice(0), [['three', false]])
  pass(10)
  changes.note()
  for (let i = 0; i < 257; i++) waits('many')
  assert.deepEqual(told, [['many', false]], 'no more than 256 wait')
})

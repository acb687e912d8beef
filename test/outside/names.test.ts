/** Names are looked up as their records say, and the daemon is told; whatever the answers are, nobody loses what he had. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { type Found, openNames } from '../../src/outside/names.ts'

const NAME = 'home.example.net'
const DAY = 86_400
type Answer = readonly Found[] | string

function opened({ names = [NAME] as readonly string[] } = {}) {
  mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const told: { name: string; hosts: string[]; ttl: number }[] = []
  const asked: string[] = []
  const here = {
    answers: { 4: 'ENODATA', 6: 'ENODATA' } as Record<4 | 6, Answer>,
    refuses: undefined as string | undefined,
    time: 0,
    waits: undefined as Promise<void> | undefined,
  }
  const names_ = openNames({
    names,
    async resolve(name, family) {
      if (family === 4) asked.push(name)
      const answer = here.answers[family]
      if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer })
      return answer
    },
    async tell(request) {
      if (here.refuses !== undefined) throw new Error(here.refuses)
      await here.waits
      told.push(request)
      return { refused: request.hosts.filter(host => host.startsWith('127.')) }
    },
    log: { info: line => void said.push(line), warn: line => void said.push(line) },
    clock: () => here.time,
  })
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  }
  return {
    here,
    said,
    told,
    asked,
    settle,
    /** Second by second. */
    async pass(seconds: number) {
      for (let i = 0; i < seconds; i++) {
        here.time++
        mock.timers.tick(1000)
        await settle()
      }
    },
    hosts: () => told.at(-1)?.hosts,
    [Symbol.dispose]() {
      names_[Symbol.dispose]()
      mock.timers.reset()
    },
  }
}
const record = (address: string, ttl = 60): Found => ({ address, ttl })

test('asked for again when the record says so, but within half a minute and an hour; told at each change and each half minute', async () => {
  using it = opened()
  it.here.answers = { 4: [record('203.0.113.7', 1)], 6: [record('2001:db8::7', 90)] }
  await it.settle()
  assert.deepEqual(it.told, [], 'the first look came before the answers did')
  await it.pass(30)
  assert.deepEqual(it.told, [{ name: NAME, hosts: ['203.0.113.7', '2001:db8::7'], ttl: DAY }])
  assert.equal(it.asked.length, 2)
  await it.pass(29)
  assert.equal(it.asked.length, 2)
  await it.pass(1)
  assert.deepEqual([it.asked.length, it.told.length], [3, 2])
  it.here.answers[4] = [record('203.0.113.8', 1_000_000)]
  it.here.answers[6] = [record('2001:db8::7', 1_000_000)]
  await it.pass(30)
  assert.deepEqual(it.hosts(), ['203.0.113.8', '2001:db8::7'])
  const before = it.asked.length
  await it.pass(3599)
  assert.equal(it.asked.length, before)
  await it.pass(1)
  assert.equal(it.asked.length, before + 1)
})

for (const [what, answers, says] of [
  [
    'no such name',
    { 4: 'ENOTFOUND', 6: 'ENOTFOUND' },
    /it has no address; the last good answer counts for a day/,
  ],
  ['no address', { 4: 'ENODATA', 6: [] }, /it has no address; the last/],
  ['a resolver that fails', { 4: 'ESERVFAIL', 6: 'ENODATA' }, /nobody can tell its addresses: ESERVFAIL/],
  ['no answer', { 4: 'ETIMEOUT', 6: 'ECONNREFUSED' }, /nobody can tell its addresses: ETIMEOUT/],
  [
    'more addresses than a home has',
    { 4: Array.from({ length: 17 }, (_, i) => record(`203.0.113.${i}`)), 6: 'ENODATA' },
    /it has 17 addresses, where 16 are the most/,
  ],
] as const)
  test(`${what}: said once, and the last good answer counts for a day`, async () => {
    using it = opened()
    it.here.answers = { 4: [record('203.0.113.7')], 6: 'ENODATA' }
    await it.pass(31)
    it.here.answers = answers
    await it.pass(300)
    assert.equal(it.said.filter(line => says.test(line)).length, 1, it.said.join('\n'))
    assert.deepEqual(it.hosts(), ['203.0.113.7'])
    assert.equal(it.told.at(-1)!.ttl, DAY - 300)
    it.here.time += DAY
    const before = it.told.length
    await it.pass(60)
    assert.equal(it.told.length, before, 'a day later nobody is told')
    it.here.answers = { 4: [record('203.0.113.9')], 6: 'ENODATA' }
    await it.pass(31)
    assert.deepEqual(it.hosts(), ['203.0.113.9'])
  })

test('a family of which nobody knows keeps its last answer, one that is gone does not', async () => {
  using it = opened()
  it.here.answers = { 4: [record('203.0.113.7')], 6: [record('2001:db8::7')] }
  await it.pass(31)
  it.here.answers = { 4: [record('203.0.113.8')], 6: 'ESERVFAIL' }
  await it.pass(61)
  assert.deepEqual(it.hosts(), ['203.0.113.8', '2001:db8::7'])
  it.here.time += DAY
  await it.pass(61)
  assert.deepEqual(it.hosts(), ['203.0.113.8'], 'but not for longer than a day')
  it.here.answers[6] = [record('2001:db8::7')]
  await it.pass(61)
  assert.deepEqual(it.hosts(), ['203.0.113.8', '2001:db8::7'])
  it.here.answers[6] = 'ENODATA'
  await it.pass(61)
  assert.deepEqual(it.hosts(), ['203.0.113.8'])
})

test('where the daemon refuses all of an answer, it is told again what it took before, also one that was started anew', async () => {
  using it = opened()
  it.here.answers = { 4: [record('203.0.113.7')], 6: 'ENODATA' }
  await it.pass(31)
  it.here.answers[4] = [record('127.0.0.1')]
  await it.pass(61)
  assert.deepEqual(
    it.told.slice(-2).map(({ hosts }) => hosts),
    [['127.0.0.1'], ['203.0.113.7']],
  )
  it.here.answers[4] = [record('127.0.0.1'), record('203.0.113.8')]
  await it.pass(61)
  assert.deepEqual(it.hosts(), ['127.0.0.1', '203.0.113.8'])
})

test('what was taken is what was told, whatever was found meanwhile', async () => {
  using it = opened()
  const waiting = Promise.withResolvers<void>()
  it.here.waits = waiting.promise
  it.here.answers = { 4: [record('203.0.113.7')], 6: 'ENODATA' }
  await it.pass(31)
  it.here.answers[4] = [record('127.0.0.1')]
  await it.pass(60)
  waiting.resolve()
  await it.pass(61)
  assert.deepEqual(
    it.told.slice(-2).map(({ hosts }) => hosts),
    [['127.0.0.1'], ['203.0.113.7']],
  )
})

test('an answer that is found while another is being told is told after it', async () => {
  using it = opened()
  it.here.answers = { 4: [record('203.0.113.7')], 6: 'ENODATA' }
  await it.pass(31)
  it.here.answers[4] = [record('127.0.0.1')]
  await it.pass(60)
  const waiting = Promise.withResolvers<void>()
  it.here.waits = waiting.promise
  await it.pass(30)
  it.here.answers[4] = [record('203.0.113.8')]
  await it.pass(60)
  waiting.resolve()
  await it.settle()
  assert.deepEqual(it.hosts(), ['203.0.113.8'])
})

test('a daemon that is away or refuses is told again, which is said once; disposed of, nobody is asked any more', async () => {
  const it = opened({ names: [NAME, 'office.example.net'] })
  it.here.answers = { 4: [record('203.0.113.7')], 6: 'ENODATA' }
  it.here.refuses = 'connect ENOENT'
  await it.pass(200)
  assert.equal(it.said.filter(line => /does not take the hosts of home/.test(line)).length, 1)
  it.here.refuses = undefined
  await it.pass(30)
  assert.deepEqual(it.told.map(({ name }) => name).sort(), [NAME, 'office.example.net'])
  assert.equal(it.said.filter(line => /takes the hosts of home.*again/.test(line)).length, 1)
  const before = it.asked.length
  it[Symbol.dispose]()
  mock.timers.enable({ apis: ['setTimeout'] })
  await it.pass(300)
  mock.timers.reset()
  assert.equal(it.asked.length, before)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { NOTES_WAITING_MAX, tolerantHistory, WAITING_MAX } from '../../src/history/tolerant.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { batch, fly, lockout, SINCE } from './lockouts.ts'

class Damage extends Error {}

function laboratory() {
  const fresh = () => openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
  const state = { failure: undefined as Error | undefined, now: SINCE, renewals: 0 }
  const failing = <T extends object>(history: T): T =>
    new Proxy(history, {
      get(target, key) {
        if (state.failure !== undefined && ['add', 'release', 'pastOf', 'note'].includes(String(key)))
          return () => {
            throw state.failure
          }
        return Reflect.get(target, key)
      },
    })
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const history = tolerantHistory(failing(fresh()), {
    log: { info: say, warn: say, error: say },
    now: () => state.now,
    isDamage: error => error instanceof Damage,
    renew() {
      state.renewals++
      state.failure = undefined
      return fresh()
    },
  })
  return { history, state, said }
}

test('what cannot be written waits, in order, and one alarm is said', () => {
  const { history, state, said } = laboratory()
  state.failure = new Error('no space left')
  history.add([lockout()])
  history.release([fly('69.0.231.79')], { at: SINCE + 1, by: 'root', because: 'freed', counts: false })
  history.add([lockout({ source: '192.0.2.1' })])
  assert.equal(history.pastOf([fly('69.0.231.79')]).size, 0)
  history.retry()
  assert.deepEqual(said, ['the history cannot be written, locking out goes on: no space left'])
  assert.equal(history.count(SINCE), 0)

  state.failure = undefined
  history.retry()
  assert.equal(said[1], 'the history is written again: 3 lockouts and releases came late')
  assert.deepEqual(
    [...history.flies(SINCE + 2)].map(({ source }) => source),
    ['192.0.2.1'],
  )
  assert.equal(history.standing().lost, 0)
})

test('what waits is bounded, and the gap is counted', () => {
  const { history, state, said } = laboratory()
  state.failure = new Error('no space left')
  history.add(batch(0, WAITING_MAX - 10))
  history.add(batch(WAITING_MAX, 11))
  history.add(batch(WAITING_MAX + 20, 10))
  assert.equal(history.standing().lost, 11)
  history.releaseAll({ at: SINCE + 1, by: 'root', because: 'flushed', counts: false })
  assert.equal(history.standing().lost, 11, 'that all were freed always has room')
  state.failure = undefined
  history.retry()
  assert.equal(history.newest(WAITING_MAX + 1).length, WAITING_MAX)
  assert.equal(history.count(SINCE + 2), 0)
  assert.match(
    said.at(-1)!,
    /50,001 lockouts and releases came late; 11 since the start found no room and are missing/,
  )
})

test('damage while it runs: a new history is begun, and told', () => {
  const { history, state } = laboratory()
  let told = 0
  history.onRenewed(() => told++)
  state.failure = new Damage('malformed')
  history.add([lockout()])
  assert.deepEqual([state.renewals, told, history.count(SINCE)], [1, 1, 1])
})

test('the feed is late, and not lost: what waited is told in order, and whoever listens is told that it is there', () => {
  const { history, state } = laboratory()
  const feed = () =>
    history
      .feedPage({ after: 'start', spared: false, dryRun: false }, SINCE)
      .lines.map(line => JSON.parse(line) as { event: string; source?: string; text: string })
      .map(({ event, source, text }) => `${event} ${source ?? text}`)
  let news = 0
  history.onWritten(() => news++)
  history.onWritten(() => {}) // Several may.
  history.note({ event: 'armed', text: 'armed' }, SINCE)
  state.failure = new Error('no space left')
  history.add([lockout()])
  history.note({ event: 'alarm', text: 'no space left' }, SINCE)
  history.release([fly('69.0.231.79')], { at: SINCE + 1, by: 'root', because: 'freed', counts: false })
  assert.deepEqual([feed(), news, history.standing().waiting], [['armed armed'], 4, 2])
  state.failure = undefined
  history.retry()
  assert.equal(news, 5)
  assert.deepEqual(feed(), ['armed armed', 'lockout 69.0.231.79', 'alarm no space left', 'free 69.0.231.79'])
})

test('notes that wait are bounded by themselves, and take no room from lockouts', () => {
  const { history, state } = laboratory()
  state.failure = new Error('no space left')
  for (let n = 0; n < NOTES_WAITING_MAX + 10; n++) history.note({ event: 'alarm', text: `${n}` }, SINCE)
  history.add(batch(0, WAITING_MAX))
  assert.deepEqual(history.standing(), { waiting: WAITING_MAX, lost: 0 })
  state.failure = undefined
  history.retry()
  let notes = 0
  for (let next = 'start'; notes < NOTES_WAITING_MAX; ) {
    const page = history.feedPage({ after: next, spared: false, dryRun: false }, SINCE)
    const more = page.lines.filter(line => line.includes('"alarm"')).length
    if (more === 0) break
    notes += more
    next = page.next
  }
  assert.equal(notes, NOTES_WAITING_MAX)
})

/** What 0.1.0 wrote into the history of this version, by its own statements, and what `report` tells after it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { dayText } from '../../src/history/day.ts'
import type { History } from '../../src/history/history.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { HOUR, lockout } from './lockouts.ts'

const DAY = 24 * HOUR
const NOON = new Date(2026, 0, 2, 12).getTime()
const YEAR = 365 * DAY

/** Of src/record/schema.ts and src/record/pruning.ts at 0.1.0. */
const OLD = {
  supersede: 'UPDATE lockout SET latest = 0 WHERE source = :source AND latest = 1',
  add: `INSERT INTO lockout (source, tried, number, detail, because, since, until, times)
        VALUES (:source, 'tcp', 22, 2, :because, :since, :since, :times)`,
  total: `INSERT INTO day
          SELECT date(since / 1000, 'unixepoch', 'localtime') AS day, count(*), count(DISTINCT source),
            count(DISTINCT iif(instr(source, ':'), source, NULL)), sum(times > 1)
          FROM lockout WHERE since BETWEEN :from AND :to AND because <> 'by-hand' GROUP BY day
          ON CONFLICT DO UPDATE SET lockouts = max(lockouts, excluded.lockouts),
            attackers = max(attackers, excluded.attackers), attackers6 = max(attackers6, excluded.attackers6),
            repeaters = max(repeaters, excluded.repeaters)`,
  remove: 'DELETE FROM lockout WHERE since <= :since',
  release: `UPDATE lockout SET released_at = :at, released_by = :by, released_because = :because, counts = 0
            WHERE latest = 1 AND released_at IS NULL AND (until IS NULL OR until > :at) AND (:source IS NULL OR source = :source)`,
  time: `INSERT INTO meta VALUES ('time', '{"boot":"this","boottime":1,"now":2}')
         ON CONFLICT DO UPDATE SET value = excluded.value`,
}

interface Older {
  add(source: string, since: number, because?: string): void
  /** Somebody is freed, or everybody. */
  release(source: string | null, at: number, because: string): void
  /** Forgets those until then. */
  prune(since: number): void
}

function fileOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'history-older-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'history.db')
}

function today<T>(file: string, act: (history: History) => T): T {
  using history = openHistoryFile(file)
  return act(history)
}

function older(file: string, act: (older: Older) => void): void {
  using sqlite = new DatabaseSync(file)
  sqlite.prepare(OLD.time).run()
  act({
    add(source, since, because = 'closed-port') {
      const times = sqlite.prepare(OLD.supersede).run({ source }).changes === 0 ? 1 : 2
      sqlite.prepare(OLD.add).run({ source, since, because, times })
    },
    release(source, at, because) {
      sqlite.prepare(OLD.release).run({ source, at, by: 'anna', because })
    },
    prune(since) {
      sqlite.prepare(OLD.total).run({ from: since - 2 * DAY, to: since + DAY })
      sqlite.prepare(OLD.remove).run({ since })
    },
  })
}

const daysOf = (history: History) =>
  history.sums(NOON - YEAR).days.map(({ day, attackers }) => `${day}: ${attackers}`)

test('who came again on a day under 0.1.0 is one attacker of it, and by hand is no attack', t => {
  const file = fileOf(t)
  today(file, history => {
    history.add([lockout({ source: '192.0.2.1', since: NOON, until: NOON })])
    history.add([lockout({ source: '192.0.2.2', since: NOON, until: NOON })])
    // It stands for the attack of the same day.
    history.add([lockout({ source: '192.0.2.2', since: NOON + 1, until: NOON + 1, because: 'by-hand' })])
  })
  const again = () =>
    older(file, old => {
      old.add('192.0.2.1', NOON + 2)
      old.add('192.0.2.3', NOON + 3)
      old.add('192.0.2.3', NOON + 4)
      old.add('192.0.2.4', NOON + 5, 'by-hand')
      old.add('192.0.2.3', NOON + DAY)
    })
  again()
  for (const _ of ['at once', 'and at the next start'])
    assert.deepEqual(today(file, daysOf), [`${dayText(NOON)}: 3`, `${dayText(NOON + DAY)}: 1`])
  again()
  assert.deepEqual(today(file, daysOf), [`${dayText(NOON)}: 3`, `${dayText(NOON + DAY)}: 1`])
})

test('what 0.1.0 forgot is counted in its day, and what stays once', t => {
  const file = fileOf(t)
  const days = [-9, -8, 0].map(day => NOON + day * DAY)
  today(file, history => {
    for (const [i, day] of days.entries())
      for (let n = 0; n < 10; n++)
        history.add([lockout({ source: `192.0.${i}.${n}`, since: day + n, until: day + n })])
    // Half of the first day is gone when 0.1.0 comes: the oldest.
    history.prune({ keepMs: YEAR, most: 25 }, NOON + DAY)
  })
  const expected = days.map(day => `${dayText(day)}: 10`)
  assert.deepEqual(today(file, daysOf), expected, 'before')
  // Of the second day 0.1.0 forgets a part, and writes the totals of the days beside it, too.
  older(file, old => old.prune(days[1]! + 5))
  const after = today(file, daysOf)
  assert.deepEqual(after.slice(1), expected.slice(1))
  // Of a day of which both have forgotten a part, only what is known for certain: docs/decisions/0047-going-back.md.
  assert.equal(after[0], `${dayText(days[0]!)}: 5`)
  assert.deepEqual(today(file, daysOf), after, 'and at the next start')
  today(file, history => history.prune({ keepMs: DAY, most: 0 }, NOON + 30 * DAY))
  assert.deepEqual(today(file, daysOf), after, 'when all are gone')
})

test('what nobody else has touched stays as it is', t => {
  const file = fileOf(t)
  const tellsTime = (history: History) => history.setMeta('time', '{"schema":5}')
  today(file, history => {
    tellsTime(history)
    for (const since of [NOON, NOON + 1]) history.add([lockout({ source: '192.0.2.1', since, until: since })])
  })
  using sqlite = new DatabaseSync(file)
  sqlite.exec('UPDATE lockout SET stands = 1')
  assert.deepEqual(today(file, daysOf), [`${dayText(NOON)}: 2`])
  older(file, () => {})
  assert.deepEqual(today(file, daysOf), [`${dayText(NOON)}: 1`], 'the control')
})

/** What comes behind this position, and where that ends. */
function feed(history: History, after: string): { lines: string[]; next: string } {
  const { lines, next } = history.feedPage({ after, spared: false, dryRun: false }, Date.now())
  const facts = lines.map(line => JSON.parse(line) as { event: string; source?: string; why?: string })
  return { lines: facts.map(({ event, source, why }) => `${event} ${why ?? source ?? ''}`.trim()), next }
}

test('the feed goes on where it was: what 0.1.0 locked out and freed is told, and nothing twice', t => {
  const file = fileOf(t)
  const at = Date.now() + 1000
  const forever = (source: string) => lockout({ source, since: at, until: 'forever' })
  const begun = today(file, history => {
    history.add(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map(forever))
    const freed = { at: at + 1, by: 'anna', because: 'freed', counts: false }
    history.release(['192.0.2.1'] as never[], freed)
    history.release(['192.0.2.2'] as never[], { ...freed, because: 'no-room' })
    return feed(history, 'start').next
  })
  older(file, old => {
    old.add('192.0.2.9', at + 2)
    old.release('192.0.2.3', at + 3, 'freed')
    old.add('192.0.2.4', at + 4)
  })
  const { lines, next } = today(file, history => feed(history, begun))
  assert.deepEqual(lines, ['lockout 192.0.2.9', 'lockout 192.0.2.4', 'free 192.0.2.3'])
  assert.deepEqual(today(file, history => feed(history, next)).lines, [], 'and at the next start')

  const flushed = today(file, history => {
    history.releaseAll({ at: at + 5, by: 'anna', because: 'flushed', counts: false })
    history.add([forever('192.0.2.5')])
    return feed(history, 'start').next
  })
  older(file, old => old.release(null, at + 6, 'flushed'))
  assert.deepEqual(
    today(file, history => feed(history, flushed)).lines,
    ['free 192.0.2.5'],
    'whom 0.1.0 has flushed, and not whom this version has',
  )
})

test('what 0.1.0 forgot is a gap, and where it used numbers again, this is another history', t => {
  const file = fileOf(t)
  const [first, second] = today(file, history => {
    for (const n of [1, 2, 3, 4]) history.add([lockout({ source: `192.0.2.${n}`, since: NOON + n })])
    history.release(['192.0.2.4'] as never[], { at: NOON + 5, by: 'anna', because: 'freed', counts: false })
    const one = feed(history, 'now').next
    history.add([lockout({ source: '192.0.2.5', since: NOON + 9 })])
    return [one, feed(history, 'now').next]
  })
  older(file, old => {
    old.add('192.0.2.9', NOON + 10)
    old.prune(NOON + 9)
  })
  assert.deepEqual(today(file, history => feed(history, first!)).lines, ['gap pruned', 'lockout 192.0.2.9'])
  assert.deepEqual(today(file, history => feed(history, second!)).lines, ['lockout 192.0.2.9'], 'the control')
  today(file, history =>
    history.release(['192.0.2.9'] as never[], { at: NOON + 5, by: 'anna', because: 'freed', counts: false }),
  )
  older(file, old => {
    old.prune(NOON + DAY)
    old.add('192.0.2.7', NOON + 2 * DAY)
  })
  assert.deepEqual(today(file, history => feed(history, second!)).lines, ['gap renewed', 'lockout 192.0.2.7'])
})

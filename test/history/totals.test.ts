import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayAround } from '../../src/history/day.ts'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { HOUR, lockout } from './lockouts.ts'

const BEGIN = new Date(2026, 0, 2).getTime()
const DAY = 24 * HOUR
const RELEASE = { by: 'anna', because: 'freed', counts: false }

const anyStep = fc.record({
  source: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8:1::/64', '2001:db8:2::/64'),
  hours: fc.integer({ min: 0, max: 15 }),
  because: fc.constantFrom('closed-port', 'closed-port', 'distinct-ports', 'by-hand'),
  isAlone: fc.boolean(),
  isFreed: fc.boolean(),
  /** How many rows may stay; undefined where nothing is pruned. */
  most: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
  keepDays: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
})
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never

/**
 * What a pruned and an unpruned history tell of each day. `mayPrune` says when the one prunes: between two days, or at any
 * time.
 */
function daysOf(steps: readonly Step[], mayPrune: (isNewDay: boolean) => boolean) {
  const fresh = () => openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  using pruned = fresh()
  using whole = fresh()
  let at = BEGIN
  for (const { source, hours, because, isAlone, isFreed, most, keepDays } of steps) {
    const before = at
    at += hours * HOUR
    if (most !== undefined && mayPrune(at > dayAround(before).ends)) {
      const limits = { keepMs: keepDays * DAY, most }
      for (let slices = 0; pruned.prune(limits, at).more && slices < 100; slices++);
    }
    for (const history of [pruned, whole])
      history.add(lockoutsOf(source, because as Lockout['because'], isAlone))
    if (isFreed)
      for (const history of [pruned, whole])
        history.release([source as Lockout['source']], { ...RELEASE, at: at + 1 })
  }
  const wanted = tell(whole.sums(BEGIN).days)
  const between = tell(pruned.sums(BEGIN).days)
  const rows = pruned.newest(999).length
  pruned.prune({ keepMs: DAY, most: 0 }, at + 2 * DAY)
  return {
    told: [between, tell(pruned.sums(BEGIN).days)],
    wanted,
    rows,
    lost: whole.newest(999).length - rows,
  }

  function lockoutsOf(source: string, because: Lockout['because'], isAlone: boolean): Lockout[] {
    const one = lockout({ source, packetSource: source.replace('/64', '5'), because, since: at })
    if (because !== 'by-hand') {
      const others = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map(source =>
        lockout({ ...one, source, packetSource: source, because: 'closed-port' }),
      )
      return isAlone || source.includes(':') ? [one] : [{ ...one, because: 'closed-port' }, ...others]
    }
    const { tried: _, packetSource: __, hook: ___, ...byHand } = one
    return [{ ...byHand, by: 'anna' }]
  }
}

function tell(days: readonly { day: string; attackers: number }[]): Record<string, number> {
  return Object.fromEntries(days.map(({ day, attackers }) => [day, attackers]))
}

test('however lockouts come and go, the attackers of each day are those of a history that forgets nobody', () => {
  const seen = { rows: 0, lost: 0 }
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20 }), steps => {
      const { told, wanted, rows, lost } = daysOf(steps, isNewDay => isNewDay)
      for (const days of told) assert.deepEqual(days, wanted)
      seen.rows += rows
      seen.lost += lost
    }),
    { numRuns: 15 },
  )
  assert.ok(seen.rows > 0 && seen.lost > 0, 'some were pruned, and some were not')
})

test('pruned on the very day, whoever comes again on it may count twice, and nobody is missing', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20 }), steps => {
      const { told, wanted } = daysOf(steps, () => true)
      for (const days of told)
        for (const [day, attackers] of Object.entries(wanted))
          assert.ok((days[day] ?? 0) >= attackers, `${day}: ${days[day]}, not ${attackers}`)
    }),
    { numRuns: 15 },
  )
})

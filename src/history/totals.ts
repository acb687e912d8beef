/** What stays of lockouts that go: the totals of their days, which name nobody. */
import type { Database } from './database.ts'
import { dayText } from './day.ts'
import type { Going } from './walk.ts'

const SQL = {
  total: totalIn('day'),
  // An older version does not know it (older-version.ts).
  seen: totalIn('day_seen'),
} as const

function totalIn(table: string): string {
  return `INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)
          ON CONFLICT DO UPDATE SET lockouts = lockouts + excluded.lockouts, attackers = attackers + excluded.attackers,
            attackers6 = attackers6 + excluded.attackers6, repeaters = repeaters + excluded.repeaters`
}

/** Adds those that go to their days; in the transaction in which they go. */
export function openTotals(database: Database): (going: readonly Going[]) => void {
  const { total, seen } = database.prepareAll(SQL)
  return going => {
    for (const [day, { lockouts, attackers, attackers6, repeaters }] of totalsOf(going))
      for (const one of [total, seen]) one.run(day, lockouts, attackers, attackers6, repeaters)
  }
}

type Totals = Record<'lockouts' | 'attackers' | 'attackers6' | 'repeaters', number>

/** By day. What was by hand is no attack; but its row may stand for one. */
function totalsOf(going: readonly Going[]): Map<string, Totals> {
  const days = new Map<string, Totals>()
  for (const [, , since, isByHand, stands, isIPv6, isAgain] of going) {
    const day = dayText(since)
    const totals = days.get(day) ?? { lockouts: 0, attackers: 0, attackers6: 0, repeaters: 0 }
    days.set(day, totals)
    totals.attackers += stands
    totals.attackers6 += stands & isIPv6
    if (isByHand === 1) continue
    totals.lockouts++
    totals.repeaters += isAgain
  }
  return days
}

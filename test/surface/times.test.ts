/** Times for people: of this machine, and with its zone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dateText, parseMoment } from '../../src/surface/cli/times.ts'

test('the zone stands beside the time, that of the day; what is shown can be asked for', () => {
  const before = process.env.TZ
  const noon = Date.UTC(2026, 6, 1, 12)
  try {
    for (const [zone, text] of [
      ['UTC', '2026-07-01 12:00:00 +0000'],
      ['Europe/Berlin', '2026-07-01 14:00:00 +0200'],
      ['Asia/Kolkata', '2026-07-01 17:30:00 +0530'],
      ['America/St_Johns', '2026-07-01 09:30:00 -0230'],
    ] as const) {
      process.env.TZ = zone
      assert.equal(dateText(noon), text)
      assert.equal(parseMoment(text, noon), noon)
    }
    process.env.TZ = 'Europe/Berlin'
    assert.equal(dateText(Date.UTC(2026, 0, 1, 12)), '2026-01-01 13:00:00 +0100', 'in winter')
    assert.equal(parseMoment('2026-07-01 14:00', noon), noon)
    assert.equal(parseMoment('2026-07-01', noon), Date.UTC(2026, 5, 30, 22))
    assert.throws(() => parseMoment('2026-07-01 14:00 CET', noon), /is no time/)
  } finally {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  }
})

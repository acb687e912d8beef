/** What a lockout takes in the file, as docs/bounds.md says. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { fly, lockout, SINCE } from './lockouts.ts'

const ROWS = 20_000
/** How far the document may be from the truth. */
const TOLERANCE = 0.1

/** Octets of three digits, as most have. */
const ipv4 = (n: number) =>
  `203.${100 + (n % 150)}.${100 + (((n / 150) % 150) | 0)}.${100 + ((n / 22_500) | 0)}`
const ipv6 = (n: number) => `2001:db8:${(0x1000 + n).toString(16)}:a2c4`
const ports = (count: number) => Array.from({ length: count }, (_, i) => `tcp/${8000 + i}`)
const evidence = (count: number) => ports(count).map(what => ({ what, weight: 2 }))

const KINDS: Record<string, (n: number) => Parameters<typeof lockout>[0]> = {
  'of IPv4': n => ({ source: ipv4(n) }),
  'of IPv4, forwarded': n => ({ source: ipv4(n), hook: 'forward', forwardedTo: '192.168.100.100' }),
  'of IPv6': n => ({ source: `${ipv6(n)}::/64`, packetSource: `${ipv6(n)}:1234:5678:9abc:def0` }),
  'of IPv4, after three ports': n => ({
    source: ipv4(n),
    because: 'distinct-ports',
    evidence: evidence(3),
    ports: ports(3),
  }),
  'of IPv4, after many ports in many visits': n => ({ source: ipv4(n), times: 10, ports: ports(10) }),
  'of IPv4, by hand with a note of 200 letters': n => ({
    source: ipv4(n),
    because: 'by-hand',
    by: 'anna',
    note: 'x'.repeat(200),
  }),
}

const document = readFileSync('docs/bounds.md', 'utf8')

for (const [kind, changes] of Object.entries(KINDS)) {
  test(`a lockout ${kind} takes what the document says`, t => {
    const folder = mkdtempSync(join(tmpdir(), 'history-bytes-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'history.db')
    const rows = Array.from({ length: ROWS }, (_, n): Lockout => {
      const { source, packetSource = source, ...rest } = changes(n)!
      return { ...lockout({ since: SINCE + n, ...rest }), source: fly(source!), packetSource } as Lockout
    })
    const history = openHistoryFile(file)
    for (let from = 0; from < ROWS; from += 500) history.add(rows.slice(from, from + 500))
    history[Symbol.dispose]()
    using database = openDatabase(file, { migrations: MIGRATIONS, readOnly: true })
    const one = (pragma: string) => Number(database.prepare(`PRAGMA ${pragma}`).values()[0]![0])
    const bytes = (one('page_count') * one('page_size')) / ROWS
    const told = new RegExp(`^\\| ${kind} \\| (\\d+) \\|$`, 'm').exec(document)?.[1]
    assert.ok(Math.abs(Number(told) - bytes) <= TOLERANCE * bytes, `${kind}: ${bytes}, not ${told}`)
  })
}

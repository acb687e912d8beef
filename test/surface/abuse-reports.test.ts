/** What of lockouts may be told to those who collect reports, and how. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { ABUSEIPDB_MAX, abuseReport, scanOf, scansIn } from '../../src/surface/cli/abuse-reports.ts'
import type { Address } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'

const SCANNER: Lockout = {
  source: '8.8.4.4' as Fly,
  because: 'distinct-ports',
  grade: 'forgeable-known',
  ports: ['tcp/23', 'udp/53', 'tcp/8080'],
  since: Date.UTC(2026, 10, 29, 3, 4, 5, 678),
  until: 'forever',
  times: 1,
}

test('several ports of TCP, of an address of the internet; of a /64 the one that sent', () => {
  assert.deepEqual(scanOf(SCANNER), { source: '8.8.4.4', ports: [23, 8080], at: SCANNER.since })
  const six = { source: '2a00:1450:4001:1::/64' as Fly, packetSource: '2a00:1450:4001:1::7' as Address }
  assert.equal(scanOf({ ...SCANNER, ...six })?.source, '2a00:1450:4001:1::7')
  const { ports: _, ...noPorts } = SCANNER
  for (const kept of [
    noPorts,
    { ...SCANNER, ports: ['tcp/23', 'udp/53', 'icmp'] },
    { ...SCANNER, because: 'by-hand' as const, grade: 'by-hand' as const },
    { ...SCANNER, source: '2a00:1450:4001:1::/64' as Fly },
    ...[
      '192.168.1.9',
      '10.0.0.1',
      '100.64.3.4',
      '127.0.0.1',
      '169.254.1.1',
      '192.0.2.1',
      'fd00::1',
      'fe80::1',
    ].map(source => ({ ...SCANNER, source: source as Fly })),
  ])
    assert.equal(scanOf(kept), undefined, JSON.stringify(kept))
})

test('AbuseIPDB: its headings, a line an address, as many as it takes', () => {
  const lines = [...abuseReport('abuseipdb', scansIn([SCANNER, { ...SCANNER, since: 0 }]))]
  assert.deepEqual(lines, [
    'IP,Categories,ReportDate,Comment',
    '8.8.4.4,14,2026-11-29T03:04:05.678Z,"flypaperd: tried closed TCP ports 23, 8080"',
  ])
  const many = Array.from({ length: 12_000 }, (_, i) => ({
    ...SCANNER,
    source: `8.8.${i >> 8}.${i & 255}` as Fly,
  }))
  assert.equal([...abuseReport('abuseipdb', scansIn(many))].length, 1 + ABUSEIPDB_MAX)
  assert.deepEqual([...abuseReport('abuseipdb', [])], ['IP,Categories,ReportDate,Comment'])
})

test('DShield: a line a port, separated by tabs, and no address of ours', () => {
  assert.deepEqual(
    [...abuseReport('dshield', scansIn([SCANNER]))],
    [23, 8080].map(port =>
      ['2026-11-29 03:04:05 +00:00', 0, 1, '8.8.4.4', '???', '10.0.0.0', port, 'TCP', '???'].join('\t'),
    ),
  )
})

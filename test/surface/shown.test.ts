/**
 * What each verb shows on a terminal of 80 and of 200 columns, on a narrow one, and on a pipe: test/surface/shown/.
 * After a change: `UPDATE=1 npm test -- test/surface/shown.test.ts`, and read the difference.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Lockout } from '../../src/lockout/lockout.ts'
import type { Outgoing } from '../../src/prove/packets.ts'
import { NO_FOLDERS } from '../../src/settings/sources.ts'
import { VERBS } from '../../src/surface/cli/verbs/index.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openSystem } from '../../src/system/system.ts'
import { parsePrefix } from '../../src/terms/address.ts'
import { Failure } from '../../src/terms/failure.ts'
import { address, both, byHand, facts, recorded, sight, statements } from '../doctor/facts.ts'
import { fly, HOUR, lockout } from '../history/lockouts.ts'
import { recorded as inFile, pcap, session } from '../support/capture-files.ts'
import { fakeClone } from '../support/fake-clone.ts'
import { compare, shown, TERMINALS } from '../support/shown.ts'

process.env.TZ = 'UTC'
const NOW = Date.parse('2026-11-24T12:00:00Z')
const MINUTE = 60_000
const DAY = 24 * HOUR
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-shown-'))
after(() => rmSync(directory, { recursive: true }))
fill(join(directory, 'history.db'))
{
  using dry = openHistoryFile(join(directory, 'dry-run.db'))
  dry.add([lockout({ source: '203.0.113.55', since: NOW - HOUR, until: NOW + HOUR })])
}
writeFileSync(
  join(directory, 'never.jsonl'),
  '{"who":"203.0.113.80","because":"their \\u202e monitor","by":"bob","since":"2026-11-24T11:00:00.000Z","until":"2126-11-24T11:00:00.000Z"}\n',
)

function fill(file: string): void {
  using history = openHistoryFile(file)
  const ago = (ms: number, changes: Parameters<typeof lockout>[0]) => ({
    ...lockout({ since: NOW - ms, ...changes }),
  })
  const tcp = (port: number) => ({ kind: 'tcp', port, from: 40000, flags: 2 }) as const
  history.add([
    ago(6 * DAY, { tried: tcp(23) }),
    ...[1, 2, 3].map(n => ago(3 * DAY + n, { source: `198.51.100.${n}`, tried: tcp(8443) })),
    ago(3 * DAY, { source: '203.0.113.9', tried: { kind: 'udp', port: 161, from: 161 } }),
    ago(30 * MINUTE, { times: 2, until: NOW + 5.5 * HOUR }),
    ago(20 * MINUTE, { source: '2001:db8:1:2::/64', packetSource: '2001:db8:1:2::5', tried: tcp(22) }),
    ago(10 * MINUTE, {
      source: '203.0.113.77',
      hook: 'forward',
      forwardedTo: '192.0.2.80',
      until: 'forever',
    }),
  ])
  history.release([fly('203.0.113.9')], {
    at: NOW - 3 * DAY + MINUTE,
    by: 'root',
    because: 'freed',
    counts: false,
  })
  const byHand: Lockout = {
    source: fly('198.51.100.0/24'),
    because: 'by-hand',
    grade: 'by-hand',
    by: 'anna',
    note: 'evil \x1b[2J\nlockout 192.0.2.1, who tried \u202eTCP-port',
    since: NOW - 5 * MINUTE,
    until: NOW + DAY,
    times: 1,
  }
  history.add([byHand])
  history.addSightings([
    {
      source: fly('192.0.2.50'),
      because: 'peer',
      count: 7,
      first: NOW - HOUR,
      last: NOW - MINUTE,
      tried: tcp(8080),
    },
  ])
}

const HONEST = session('203.0.113.5', '192.0.2.1', 22)
const SCAN: Outgoing[] = [
  ...HONEST,
  { source: '203.0.113.66', destination: '192.0.2.1', tcp: 23 },
  { source: '2001:db8::66', destination: '2001:db8:1::1', tcp: 23 },
]
const CAPTURES: Readonly<Record<string, Buffer>> = {
  'honest.pcap': pcap(inFile(HONEST)),
  'scan.pcap': pcap(inFile(SCAN)).subarray(0, -3),
  'damaged.pcap': Buffer.from('PNG'),
}

const ROUTER = facts({
  sight: sight({
    ruleset: both(recorded('docker'), byHand('drop', [[statements.dport(22), statements.ACCEPT]])),
  }),
  forwards: true,
  bridges: [{ name: 'docker0', prefix: parsePrefix('172.17.0.0/16')! }],
  caller: { address: address('203.0.113.5'), port: 22 },
})
const noFirewall = () => {
  throw new Failure('no permission', { exit: 77 })
}
const system = {
  ...openSystem({ socket: join(directory, 'control.sock'), state: directory }),
  version: '0.1.0',
  now: () => NOW,
  openFirewall: noFirewall as never,
  openClone: async () => fakeClone({ leaks: ['tcp/443'], hurts: ['udp/53'] }),
  readList: () => ({ text: 'table inet filter {}' }),
  readCaptureFile: (path: string) => ({ bytes: CAPTURES[path]!, isCut: false }),
  lookAround: async () => ROUTER,
  folders: NO_FOLDERS,
  readText: () => ({ text: 'never = ["192.0.2.50"]\npublic = ["tcp/80"]' }),
}

Object.assign(system, {
  surroundings: { ...system.surroundings, doors: () => [[17, 51_820]], uptime: () => 1e6 },
})

const COMMANDS = [
  'list',
  'list --json',
  'list --sort times --limit 2',
  'list --port 22 --since 1h',
  'list 203.0.113.0/24 2001:db8::/32 --proto tcp',
  'why 69.0.231.79 203.0.113.9 192.0.2.50 198.51.100.3 2001:db8:1:2::77 192.0.2.99',
  'why 203.0.113.77 --json',
  'why 203.0.113.80',
  'why 203.0.113.80 --json',
  'why 203.0.113.55',
  'why 203.0.113.55 --dry-run',
  'report',
  'report --json',
  'report --dry-run',
  'report --csv --since 2026-11-20',
  'export',
  'export --json --limit 1',
  'doctor',
  'doctor --json',
  'prove --ruleset rules.nft --listen tcp:22,tcp:443,udp:53',
  'replay --as 192.0.2.1 honest.pcap scan.pcap damaged.pcap',
  ...['help', ...VERBS.map(({ name }) => `help ${name}`)],
]

/** The line that tells how far it is goes away again. */
const PROGRESS = /\r\x1b\[K[^\n]*\r\x1b\[K/g

for (const [name, terminal] of Object.entries(TERMINALS)) {
  test(`on ${name === 'pipe' ? 'a pipe' : `${name} columns`}`, async () => {
    let text = ''
    for (const command of COMMANDS)
      text += `$ flypaperd ${command}\n${await shown(command.split(' '), terminal, system)}\n`
    text = text.replace(PROGRESS, '')
    compare(`test/surface/shown/${name}.txt`, text)
    if (terminal.colours) return
    assert.doesNotMatch(text, /[^\P{C}\n]/u, 'no control character gets through')
    assert.doesNotMatch(text, /^lockout 192\.0\.2\.1/m, 'no line is forged')
  })
}

test('no table is wider than its terminal, and no colours on a pipe', async () => {
  for (const command of COMMANDS.filter(one => !/json|csv|help/.test(one))) {
    const text = await shown(command.split(' '), TERMINALS['80'], system)
    const lines = text.replace(PROGRESS, '').split('\n')
    for (const line of lines) assert.ok(line.length <= 80 || / \S{1,}$/.test(line), `${command}: ${line}`)
  }
  assert.ok((await shown(['list'], TERMINALS['200'], system)).includes('\x1b[1m'))
  assert.ok(!(await shown(['list'], TERMINALS.pipe, system)).includes('\x1b'))
})

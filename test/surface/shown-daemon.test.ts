/** What the verbs show that speak to a daemon; see shown.test.ts. The daemon here answers over a real socket. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { RuleView, TableView } from '../../src/arm/firewall.ts'
import { NO_FOLDERS } from '../../src/settings/sources.ts'
import type { NeverControl } from '../../src/surface/control/never-protocol.ts'
import type { Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { openSystem } from '../../src/system/system.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { compare, shown, TERMINALS } from '../support/shown.ts'

process.env.TZ = 'UTC'
const EVIL = 'evil\x1b[2J\nlockout 192.0.2.1 \u202e'
const POSITION = '0123456789abcdef-1-2'
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-shown-'))
after(() => rmSync(directory, { recursive: true }))

const handsOver: RuleView = {
  chain: 'flypaper_offence',
  handle: 1,
  targets: [],
  sets: [],
  handsOver: { kind: 'queue', number: 4242 },
}
const table: TableView = {
  chains: [
    { name: 'flypaper_early', hook: 'prerouting' },
    { name: 'flypaper_listening', hook: 'input' },
  ],
  sets: ['flypaper', 'flypaper6'].map(name => ({ name, flags: ['timeout'] })),
  rules: [handsOver],
  others: [],
  mapTargets: [],
}
const firewall = { ...fakeFirewall(), look: () => table, [Symbol.dispose]() {} }

const never: NeverControl = {
  never: async () => ({
    byHand: [
      {
        who: '203.0.113.80',
        because: EVIL,
        by: 'anna (root)',
        since: '2026-11-24T10:00:00.000Z',
        until: '2026-11-25T12:00:00.000Z',
      },
      { who: '2001:db8:7::/48', by: 'bob', since: '2026-11-20T12:00:00.000Z', until: 'forever' },
    ],
    settings: ['192.0.2.7', '2001:db8::/32'],
    settingsCount: 2,
    files: [{ file: '/etc/flypaperd/never.d/cdn.txt', prefixes: 12 }],
  }),
  neverAdd: async ({ who }) => ({
    added: who.slice(1),
    changed: [],
    refused: [{ who: who[0]!, why: 'too-wide' }],
    flies: who.slice(1),
    held: ['198.51.100.9'],
    around: ['203.0.113.0/24'],
  }),
  neverRemove: async ({ who }) => ({
    removed: who.slice(1),
    missing: who.slice(0, 1),
    stays: [{ who: who[0]!, entry: '192.0.2.0/24 of /etc/flypaperd/never.d/cdn.txt' }],
    unwritten: 'no space left on device',
  }),
}

const daemon: Pick<Served, 'status' | 'lock' | 'free' | 'flush' | 'confirm' | 'reload' | 'watch' | 'feed'> &
  NeverControl = {
  ...never,
  status: async () => ({
    pid: 4711,
    version: '0.1.0',
    since: 0,
    capture: 'queue',
    closed: 'listening',
    dryRun: false,
    settings: ['/etc/flypaperd/flypaperd.toml'],
    reachable: { public: ['tcp/80', 'tcp/443'], doors: ['udp/51820'] },
    remarks: ['the kernel does not tell which connections live'],
    counts: {
      lockouts: 390,
      byHand: 0,
      again: 4,
      overflow: 5,
      spared: { near: 2 },
      deferred: 3,
      kernel: {},
      packets: 400,
      overruns: 0,
      lost: 0,
      logLost: 0,
    },
  }),
  lock: async ({ lockouts }) => ({
    locked: lockouts.slice(1).map(({ who }) => who),
    kept: [],
    refused: [{ who: lockouts[0]!.who, why: 'never-list' }],
  }),
  free: async ({ who = [] }) => ({ flies: who, held: ['198.51.100.9'], count: who.length + 5 }),
  flush: async () => 390,
  confirm: async () => {},
  reload: async () => {},
  feed: {
    page: async after => ({
      lines:
        after === 'start'
          ? ['lockout 69.0.231.79, who tried TCP-port 20000, for 1h', EVIL].map((text, n) =>
              JSON.stringify({
                id: `${POSITION}-${n}`,
                at: '2026-11-24T12:00:00.000Z',
                event: 'lockout',
                text,
              }),
            )
          : [],
      next: `${POSITION}-1`,
      isEnd: true,
    }),
    onNews() {},
  },
  watch(listener) {
    const at = '2026-11-24T12:00:00.000Z'
    listener(
      JSON.stringify({ at, event: 'lockout', text: 'lockout 69.0.231.79, who tried TCP-port 20000, for 1h' }),
    )
    listener(JSON.stringify({ at, event: 'lockout', text: EVIL }))
    return { [Symbol.dispose]() {} }
  },
}

const COMMANDS = [
  'status',
  'status --brief',
  'status --json',
  'lock 192.0.2.1 203.0.113.7 --for 1h',
  'lock 192.0.2.1 203.0.113.7 --json',
  'free 69.0.231.79 2001:db8:1:2::/64',
  'free --port 22',
  'free 69.0.231.79 --json',
  'never add 0.0.0.0/0 203.0.113.80 --for 1d --because monitor',
  'never add 0.0.0.0/0 203.0.113.80 --json',
  'never list',
  'never list --json',
  'never remove 192.0.2.7 203.0.113.80',
  'never remove 192.0.2.7 --json',
  'never',
  'never list 192.0.2.7',
  'never add',
  'flush',
  'flush --json',
  'import flies --for 1h',
  'import flies --json',
  'import wrong',
  'confirm',
  'reload',
  'check',
  'check --json',
  'version',
  'version --json',
]

const files: Record<string, string> = {
  flies: '192.0.2.1\n203.0.113.7 # one\n203.0.113.8\n',
  wrong: `203.0.113.7\n${EVIL}\n${'x'.repeat(100)}\n`,
}
const system = {
  ...openSystem({ socket: join(directory, 'control.sock'), state: directory }),
  version: '0.1.0',
  now: () => Date.parse('2026-11-24T12:00:00Z'),
  openFirewall: () => firewall,
  readText: () => ({ text: '' }),
  folders: NO_FOLDERS,
  readList: (name: string) => ({ text: files[name]! }),
}
Object.assign(system, { surroundings: { ...system.surroundings, forwards: () => false } })

for (const [name, terminal] of Object.entries(TERMINALS)) {
  test(`on ${name === 'pipe' ? 'a pipe' : `${name} columns`}`, async () => {
    await using _ = await serveControl(system.socket, daemon as Served, system.unixSockets)
    let text = ''
    for (const command of COMMANDS)
      text += `$ flypaperd ${command}\n${await shown(command.split(' '), terminal, system)}\n`
    for (const command of ['watch', 'watch --json', 'watch --after start', 'watch --after start --json'])
      text += `$ flypaperd ${command}\n${await watched(command)}\n`
    compare(`test/surface/shown/daemon-${name}.txt`, text)
    const bare = text.replace(/\x1b\[\d*[mK]|\r/g, '')
    assert.doesNotMatch(bare, /[^\P{C}\n]/u, 'no control character gets through')
    assert.doesNotMatch(bare, /^lockout 192\.0\.2\.1/m, 'no line is forged')

    /** Until its last line is there: then comes the Ctrl-C. */
    async function watched(command: string): Promise<string> {
      let interrupt = () => {}
      const onSignal = (_: unknown, handler: () => void) => {
        interrupt = handler
        return { [Symbol.dispose]() {} }
      }
      const patient = { ...system, onSignal } as never
      return await shown(command.split(' '), terminal, patient, text => text.includes('202e') && interrupt())
    }
  })
}

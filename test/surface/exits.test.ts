/**
 * Every exit status that docs/commands.md has in its table: how a verb comes to it. What it says to programs has the shape that
 * is documented, and where all is as it shall be, it says so at the second time, too, and nothing on standard error.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encode, type Outgoing } from '../../src/prove/packets.ts'
import { blockOfNote, blockOfPacket, headOf } from '../../src/ring/entry.ts'
import { joined } from '../../src/ring/pcapng.ts'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System } from '../../src/surface/cli/system.ts'
import { COMMON_EXITS } from '../../src/surface/cli/verb.ts'
import { VERBS } from '../../src/surface/cli/verbs/index.ts'
import type { NeverAddAnswer } from '../../src/surface/control/never-protocol.ts'
import type { LockAnswer, Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { openSystem } from '../../src/system/system.ts'
import { EXIT, Failure } from '../../src/terms/failure.ts'
import { facts } from '../doctor/facts.ts'
import { lockout } from '../history/lockouts.ts'
import { pcap, recorded, session } from '../support/capture-files.ts'
import { FORGOTTEN, NO_NEVER, NO_PAST, STATUS } from '../support/daemon-status.ts'
import { fakeClone } from '../support/fake-clone.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { settingsFrom } from '../support/read-settings.ts'
import { TERMINALS } from '../support/shown.ts'

const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-exits-'))
after(() => rmSync(directory, { recursive: true }))
const real = openSystem({ state: directory, socket: join(directory, 'control.sock') })
{
  using history = openHistoryFile(join(directory, 'history.db'))
  history.add([
    lockout({ until: 'forever' }),
    lockout({
      source: '2001:db8:1:2::/64',
      packetSource: '2001:db8:1:2::5',
      tried: { kind: 'icmp', type: 8, code: 0 },
      until: 'forever',
    }),
    lockout({ source: '203.0.113.77', hook: 'forward', forwardedTo: '192.0.2.80', until: 'forever' }),
    {
      source: '198.51.100.0/24' as never,
      because: 'by-hand',
      grade: 'by-hand',
      by: 'anna',
      note: 'x',
      since: 0,
      until: 'forever',
      times: 1,
    },
  ])
}

writeFileSync(
  join(directory, 'ring-000001-1.pcapng'),
  joined([
    headOf('1.0.0'),
    blockOfNote({ note: 'freed', sources: [] }, 1),
    ...[600, undefined].map(lockout =>
      blockOfPacket({
        at: Date.now() - 1000,
        channel: 'offence',
        hook: 'input',
        bytes: encode({
          source: `198.51.100.${lockout === undefined ? 8 : 9}`,
          destination: '192.0.2.1',
          tcp: 23,
        }),
        because: 'closed-port',
        ...(lockout !== undefined && { lockout }),
        isAgain: false,
        isSameBatch: false,
      }),
    ),
  ]),
)

/** Answers as a daemon whose trap is armed and well, or not. */
function daemonOf({ isWell = true, lock = {}, around, never = {} }: Partial<Case>): Served {
  return {
    status: async () => ({ ...STATUS, settings: ['/etc/flypaperd/flypaperd.toml'] }),
    health: async () => [{ label: 'flypaper set', ok: isWell, reason: '390 flies' }],
    lock: async () => ({ locked: [], kept: [], refused: [], ...lock }),
    free: async () => ({ flies: [], held: [], count: 0, ...(around && { around }) }),
    flush: async () => 0,
    forget: async () => ({ ...FORGOTTEN, ...(around && { around }) }),
    testify: async () => ({ locked: [], kept: [], refused: [] }),
    withdraw: async () => ({ withdrawn: [], others: [] }),
    async pause() {},
    names: async ({ hosts }) => ({ known: hosts, refused: [] }),
    async stop() {},
    async leave() {},
    async reload() {
      if (!isWell) throw new Failure('there is a mistake in the settings', { exit: EXIT.settings })
    },
    async confirm() {},
    watch(listener) {
      listener(JSON.stringify({ at: '2026-11-24T12:00:00.000Z', event: 'free', text: 'free 192.0.2.9' }))
      return { [Symbol.dispose]() {} }
    },
    ...NO_PAST,
    ...NO_NEVER,
    neverAdd: async request => ({ ...(await NO_NEVER.neverAdd(request)), ...never }),
    metrics: async () => Buffer.from(''),
  }
}

interface Case {
  readonly args: string
  /** Whether a daemon runs; its trap and its settings are well unless told. */
  readonly isRunning: boolean
  readonly isWell: boolean
  readonly lock: Partial<LockAnswer>
  readonly around: string[]
  readonly never: Partial<NeverAddAnswer>
  readonly system: Partial<System>
}

const RUNNING = { isRunning: true }
const NAMELESS = { system: { resolve: () => Promise.reject(new Failure('nobody', { exit: EXIT.no })) } }
const REFUSED = { lock: { refused: [{ who: '192.0.2.9', why: 'near' as const }] } }
const KEPT = { lock: { kept: ['203.0.113.9'] } }
const HONEST = session('203.0.113.5', '192.0.2.1', 22)
const SCAN: Outgoing[] = [...HONEST, { source: '203.0.113.9', destination: '192.0.2.1', tcp: 23 }]
const captured = (packets: readonly Outgoing[]): Partial<System> => ({
  readCaptureFile: () => ({ bytes: pcap(recorded(packets)), isCut: false }),
})
/** Settings by which somebody is told, and an outside by which a test message goes, or does not. */
const telling = settingsFrom(() => ({ text: '[notify]\ncommand = ["/bin/true"]\n' }))
const outsideThat = (error?: string): Partial<System> => ({
  openOutside: async () => ({
    async run() {},
    test: async () => [{ way: 'command', ...(error !== undefined && { error }) }],
    [Symbol.dispose]() {},
  }),
})
/** The list that is read is no ruleset, but nobody loads it. */
const PROVEN = '--ruleset rules.nft --listen tcp:22,udp:53'
/** A daemon in the foreground, which ends as soon as it is told to. */
const FOREGROUND = 'test/kernel/verbs.test.ts and test/kernel/supervisor.test.ts run the daemon to its end'

const CASES: Readonly<Record<string, Readonly<Record<number, Partial<Case> | string>>>> = {
  start: { 0: FOREGROUND },
  restart: { 0: FOREGROUND },
  try: { 0: FOREGROUND },
  stop: { 0: {} },
  reload: { 0: RUNNING, 3: {}, 69: { ...RUNNING, isWell: false } },
  confirm: { 0: RUNNING, 3: {} },
  pause: { 0: { ...RUNNING, args: '0' }, 3: { args: '10m' } },
  status: { 0: RUNNING, 1: { ...RUNNING, isWell: false }, 3: {} },
  list: { 0: {}, 1: { ...NAMELESS, args: 'no.such.name.invalid' } },
  why: { 0: { args: '69.0.231.79' }, 1: { args: '203.0.113.99' } },
  watch: { 0: RUNNING, 3: {} },
  report: { 0: {} },
  'what-if': { 0: {} },
  metrics: { 0: RUNNING, 3: { args: `--textfile ${join(directory, 'flypaperd.prom')}` } },
  web: { 0: 'test/web/trap.test.ts runs it to its end' },
  lock: {
    0: { ...RUNNING, ...KEPT, args: '203.0.113.9 --for -1' },
    1: { ...RUNNING, ...REFUSED, args: '192.0.2.9' },
    3: { args: '203.0.113.9' },
  },
  free: {
    0: { ...RUNNING, args: '203.0.113.9' },
    1: { ...RUNNING, args: '203.0.113.9', around: ['203.0.113.0/24'] },
  },
  never: {
    0: { ...RUNNING, args: 'add 203.0.113.9 --for 1d --because x' },
    1: {
      ...RUNNING,
      args: 'add 0.0.0.0/0',
      never: { added: [], refused: [{ who: '0.0.0.0/0', why: 'too-wide' }] },
    },
    3: { args: 'list' },
  },
  flush: { 0: RUNNING },
  forget: {
    0: { ...RUNNING, args: '203.0.113.9' },
    1: { ...RUNNING, args: '203.0.113.9', around: ['203.0.113.0/24'] },
    3: { args: '203.0.113.9' },
  },
  export: { 0: {}, 1: { ...NAMELESS, args: 'no.such.name.invalid' } },
  import: {
    0: { ...RUNNING, ...KEPT, args: 'flies --for 3600' },
    1: { ...RUNNING, ...REFUSED, args: 'flies' },
    3: { args: 'flies' },
  },
  generate: { 0: {} },
  check: {
    0: {},
    77: { system: { readText: () => ({ unreadable: 'forbidden', because: 'permission denied' }) } },
    78: { system: { readText: () => ({ text: 'holt = 1' }) } },
  },
  doctor: {
    0: { system: { lookAround: async () => facts() } },
    1: { system: { lookAround: async () => facts({ node: '18.0.0' }) } },
  },
  prove: {
    0: { args: PROVEN, system: { openClone: async () => fakeClone() } },
    1: { args: PROVEN, system: { openClone: async () => fakeClone({ leaks: ['tcp/22'] }) } },
  },
  replay: {
    0: {
      args: 'honest.pcap --as 192.0.2.1',
      system: { openClone: async () => fakeClone(), ...captured(HONEST) },
    },
    1: { args: 'scan.pcap', system: { openClone: async () => fakeClone(), ...captured(SCAN) } },
  },
  outside: { 0: {} },
  notify: {
    0: { args: '--test', system: { ...telling, ...outsideThat() } },
    1: { args: '--test', system: { ...telling, ...outsideThat('the mail server refuses') } },
  },
  version: { 0: {} },
}

async function run(verb: string, one: Partial<Case>, more: readonly string[] = []) {
  const written = { out: '', err: '' }
  const interrupt = new AbortController()
  const system: System = {
    ...real,
    terminal: TERMINALS.pipe,
    ...settingsFrom(() => ({ text: '' })),
    readList: () => ({ text: '203.0.113.9\n' }),
    surroundings: { ...real.surroundings, forwards: () => false, uptime: () => 1e6 },
    openFirewall: () => ({ ...fakeFirewall(), [Symbol.dispose]() {} }),
    lookAround: async () => facts(),
    onSignal(_, handler) {
      interrupt.signal.addEventListener('abort', () => handler('SIGINT'))
      return { [Symbol.dispose]() {} }
    },
    ...one.system,
  }
  const write = (to: 'out' | 'err') => (text: string) => {
    written[to] += text
    if (verb === 'watch' && to === 'out') interrupt.abort()
  }
  await using _ = one.isRunning ? await serveControl(real.socket, daemonOf(one), real.unixSockets) : undefined
  const args = [verb, ...(one.args?.split(' ') ?? []), ...more]
  return { exit: await runProgram(args, () => system, { out: write('out'), err: write('err') }), ...written }
}

for (const { name, exits, answer, options = [] } of VERBS) {
  const cases = CASES[name]
  test(`${name}: each exit status of the table, and no other`, async t => {
    assert.deepEqual(Object.keys(cases!), Object.keys(exits), 'a case for each')
    for (const [wanted, one] of Object.entries(cases!)) {
      if (typeof one === 'string') continue
      await t.test(wanted, async () => {
        const first = await run(name, one)
        assert.equal(first.exit, Number(wanted), first.err)
        if (first.exit === EXIT.ok) assert.equal(first.err, '')
        const second = await run(name, one)
        assert.deepEqual([second.exit, second.err], [first.exit, first.err], 'the same at the second time')
      })
    }
    const { exit, err } = await run(name, {}, ['--no-such-option'])
    assert.deepEqual([exit, exit in COMMON_EXITS], [EXIT.usage, true], err)
  })

  const programs = options.some(({ flags }) => flags === '--json') ? Object.entries(cases!) : []
  for (const [wanted, one] of answer === undefined ? [] : programs) {
    if (typeof one === 'string' || Number(wanted) === EXIT.notRunning) continue
    test(`${name} --json with exit status ${wanted}: the shape that is documented, and nothing more`, async () => {
      const { exit, out, err } = await run(name, one, ['--json'])
      if (out === '') return assert.match(err, /^flypaperd: ./, 'there is no answer, and it says why')
      assert.deepEqual([exit, err], [Number(wanted), ''])
      const given = JSON.parse(out)
      assert.deepEqual(answer!.parse(given), given)
    })
  }
}

test('what is documented as JSON is what takes --json', () => {
  const told = VERBS.filter(({ answer }) => answer !== undefined).map(({ name }) => name)
  const takes = VERBS.filter(({ options = [] }) => options.some(({ flags }) => flags === '--json'))
  const others = takes.map(({ name }) => name).filter(name => !told.includes(name))
  assert.deepEqual(others, ['why', 'report', 'doctor'], 'for people first: their JSON may grow')
})

test('times: bare seconds everywhere, -1 where it can be for ever, elsewhere a sentence and 64', async () => {
  const wanted: unknown[] = []
  const asked = async (args: string) => {
    const [verb = '', ...rest] = args.split(' ')
    const daemon = daemonOf({})
    daemon.lock = async ({ lockouts, because }) => {
      wanted.push([lockouts[0]!.seconds, because])
      return { locked: [], kept: [], refused: [] }
    }
    daemon.pause = async ({ seconds }) => void wanted.push(seconds)
    await using _ = await serveControl(real.socket, daemon, real.unixSockets)
    return await run(verb, { args: rest.join(' ') })
  }
  for (const args of [
    'lock 203.0.113.9 --for -1',
    'lock 203.0.113.9 --for=-1',
    'lock 203.0.113.9 --for forever --because ',
    'lock 203.0.113.9 --for 600',
    'import flies --for -1',
    'pause 600',
  ])
    assert.equal((await asked(args)).exit, 0, args)
  const forever = ['forever', undefined]
  assert.deepEqual(wanted, [forever, forever, forever, [600, undefined], forever, 600])
  for (const [args, sentence] of [
    [
      'pause -1',
      /^flypaperd: a pause takes a time up to 1d, such as 10m or 600, or 0, not -1\nThere is none/,
    ],
    ['try -1', /^flypaperd: try takes seconds or a time such as 5m, up to 1d, not -1\n/],
    ['lock 203.0.113.9 --for -2', /^flypaperd: --for takes a time from 1s to 3650d, .*\(or -1\), not -2\n/],
    ['lock 203.0.113.9 --for 0', /^flypaperd: --for takes a time from 1s/],
    ['lock 203.0.113.9 --for 3.5', /^flypaperd: --for takes a time from 1s/],
    ['import flies --for soon', /^flypaperd: --for takes a time from 1s/],
    ['list --since -1', /^flypaperd: -1 is no time: write 7d/],
    ['free --since -1', /^flypaperd: -1 is no time: write 7d/],
    ['report --since -1', /^flypaperd: -1 is no time: write 7d/],
  ] as const) {
    const { exit, out, err } = await asked(args)
    assert.deepEqual([exit, out], [64, ''], args)
    assert.match(err, sentence)
  }
})

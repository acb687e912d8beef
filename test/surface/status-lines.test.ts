import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RuleView, TableView } from '../../src/arm/firewall.ts'
import { historyLines, type Seen, sparedLines, statusLines } from '../../src/surface/status-lines.ts'

const rule = (chain: string, rest: Partial<RuleView>): RuleView => ({
  chain,
  handle: 1,
  targets: [],
  sets: [],
  ...rest,
})
const sets = ['flypaper', 'flypaper6'].map(name => ({ name, flags: ['timeout'] }))
const early = { name: 'flypaper_early', hook: 'prerouting' }
const handsOver = rule('flypaper_offence', { handsOver: { kind: 'queue', number: 4242 } })

const armed: TableView = { chains: [early], sets, rules: [handsOver], others: [], mapTargets: [] }
const seen = (changes: Partial<Seen>): Seen => ({
  settings: { capture: 'auto' },
  table: armed,
  supportsQueue: true,
  supportsLog: true,
  flies: 390,
  forwards: false,
  hasUplink: true,
  daemon: undefined,
  ...changes,
})
const text = (changes: Partial<Seen>) =>
  statusLines(seen(changes)).map(
    ({ ok, reason }) => `${ok ? 'OK' : 'Missing'}${reason ? ` (${reason})` : ''}`,
  )

test('kernel support', () => {
  assert.equal(text({})[0], 'OK (queue)')
  assert.equal(text({ supportsQueue: false })[0], 'OK (NFLOG, this kernel has no nft_queue)')
  assert.equal(text({ settings: { capture: 'log' } })[0], 'OK (NFLOG, as the settings say)')
  assert.equal(
    text({ supportsQueue: false, supportsLog: false })[0],
    'Missing (this kernel has neither nft_queue nor NFLOG)',
  )
})

test('flypaper set', () => {
  assert.equal(text({})[1], 'OK (390 flies)')
  assert.equal(text({ flies: 1 })[1], 'OK (1 fly)')
  assert.equal(text({ table: { ...armed, sets: sets.slice(1) } })[1], 'Missing')
})

test('integration: by the chain of our own, by jumps, or not at all', () => {
  const listening = { ...armed, chains: [early, { name: 'flypaper_listening', hook: 'input' }] }
  assert.deepEqual(text({ table: listening }).slice(2, 4), [
    'OK (closed is where nobody listens)',
    'OK (nothing is forwarded here)',
  ])
  assert.equal(
    text({ table: listening, daemon: { auto: 'closed = …' } as Seen['daemon'] })[2],
    'OK (closed is where nobody listens, by "auto")',
  )
  assert.match(
    text({ table: listening, forwards: true })[3]!,
    /^OK \(flies are dropped; closed = "listening" judges nothing/,
  )
  const through = {
    ...listening,
    chains: [...listening.chains, { name: 'flypaper_end_forward', hook: 'forward' }],
  }
  assert.equal(text({ table: through, forwards: true })[3], 'OK (closed is what nobody accepts)')
  assert.equal(
    text({ table: through, forwards: true, hasUplink: false })[3],
    'Missing (there is no default route: nothing forwarded is watched)',
  )
  assert.equal(text({ table: through, hasUplink: false })[3], 'OK (nothing is forwarded here)')
  assert.deepEqual(text({ forwards: true }).slice(2, 4), [
    'Missing (no rule jumps to flypaper_input)',
    'Missing (no rule jumps to flypaper_forward)',
  ])
  const jumps = [
    rule('input', { targets: ['flypaper_input'] }),
    rule('guests', { targets: ['flypaper_input'] }),
    rule('forward', { targets: ['flypaper_forward'] }),
  ]
  assert.deepEqual(text({ table: { ...armed, rules: jumps }, forwards: true }).slice(2, 4), [
    'OK (jump at chain input, jump at chain guests)',
    'OK (jump at chain forward)',
  ])
  // A boot file, or what is left after stop: the chains may be there, but nothing judges.
  assert.deepEqual(text({ table: { ...armed, chains: [], rules: jumps } }).slice(2, 4), [
    'Missing',
    'Missing',
  ])
  assert.deepEqual(text({ table: undefined }).slice(1), [
    'Missing',
    'Missing',
    'Missing',
    'Missing',
    'Missing',
  ])
})

test('process and statement', () => {
  const daemon = { pid: 4711 } as Seen['daemon']
  assert.deepEqual(text({ daemon }).slice(4), ['OK (pid 4711)', 'OK (queues 4242 to 4246)'])
  const counts = { lost: 31, overruns: 2 }
  assert.equal(
    text({ daemon: { pid: 1, counts } as Seen['daemon'] })[5],
    'OK (queues 4242 to 4246, 31 packets lost, 2 overruns)',
  )
  const log = rule('flypaper_offence', { handsOver: { kind: 'log', number: 7 } })
  const [orphan, group] = text({ table: { ...armed, rules: [log] } }).slice(4)
  assert.match(
    orphan!,
    /^Missing \(the trap is in the kernel, but nobody judges: .* Mend it by: flypaperd start\./,
  )
  assert.equal(group, 'OK (NFLOG groups 7 to 11)')
  assert.equal(text({ table: { ...armed, rules: [] } })[4], 'Missing', 'what drops flies at boot is no trap')
  assert.equal(
    text({ table: { ...armed, rules: [rule('input', { handsOver: log.handsOver })] } })[5],
    'Missing',
    "somebody else's",
  )
})

test('who was not locked out, and why', () => {
  const lines = (counts: object) => sparedLines({ counts } as NonNullable<Seen['daemon']>)
  const none = { again: 0, overflow: 0, spared: { near: 0 }, deferred: 0, kernel: { near: 0 }, logLost: 0 }
  assert.deepEqual(lines(none), [])
  const some = { again: 4, overflow: 5, spared: { near: 2 }, deferred: 3, kernel: { near: 1 }, logLost: 6 }
  assert.deepEqual(lines(some), [
    'packets spared: 3 near',
    'promotion limit: 3 sources held only',
    'flypaper full: 5 offenders held only',
    'locked out already: 4 offences more',
    'log: 6 lines lost, nobody took them in time',
  ])
})

test('what is not in the history, and since when its disk hangs', () => {
  const status = (history?: object) =>
    ({ pid: 1, dryRun: false, state: '/var/lib/x', history }) as NonNullable<Seen['daemon']>
  const whole = status({ waiting: 0, lost: 0 })
  const hanging = status({ hangsSince: 0, waiting: 2, lost: 3 })
  assert.deepEqual(historyLines(status()), [], 'an older daemon')
  assert.deepEqual(historyLines(whole), [])
  assert.deepEqual(historyLines(status({ waiting: 2, lost: 3 })), [
    'history: 2 lockouts and releases wait in memory, 3 are lost',
  ])
  assert.match(
    historyLines(hanging)[0]!,
    /^history: the disk of \/var\/lib\/x does not answer since 1970-01-01T00:00:00.000Z. 2 lockouts .* 3 are lost\. .* Look at that disk/,
  )
  assert.equal(text({ daemon: whole })[4], 'OK (pid 1)')
  assert.equal(text({ daemon: hanging })[4], 'OK (pid 1, the history hangs since 1970-01-01T00:00:00.000Z)')
})

test('a table that sleeps, and a trap that is not as it was armed', () => {
  const listening = { ...armed, chains: [early, { name: 'flypaper_listening', hook: 'input' }] }
  const [input, forward] = text({ table: { ...listening, flags: ['dormant'] } }).slice(2, 4)
  assert.match(
    input!,
    /^Missing \(table inet filter is asleep \(flag dormant\), .*: nft add table inet filter\)$/,
  )
  assert.equal(forward, 'Missing (asleep, too)')
  assert.equal(
    text({ table: listening, fault: 'chain flypaper_early is missing' })[2],
    'Missing (not as it was armed: chain flypaper_early is missing)',
  )
})

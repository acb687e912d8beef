/**
 * From 0.1.0 to this version and back with a million flies, under a scan: the one ends and leaves the trap armed, the other takes over, as
 * systemd has it when a package is replaced. Before the way back is said what docs/install.md says, docs/decisions/0047-going-back.md why.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { GATE, OPEN, offend, traffic } from '../support/change-under-scan.ts'
import { install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { FLIES } from '../support/length.ts'
import { flyOf, remember, untilOf } from '../support/million-history.ts'
import { countNoMore, type Old, oldIn, unpackOld } from '../support/old-version.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { askSet } from '../support/set-elements.ts'
import { namesIn } from '../support/table-names.ts'
import { listed } from '../support/trap.ts'
import { makeWorld } from '../support/world.ts'

const SAMPLE = 2000
/** The time that is left counts from the end of the transaction that moves a million: half a minute where the processors are taken. */
const TOLERANCE = 60_000
const ARMED_MS = 120_000
const CLIENT_GATE = '203.0.113.1'
/** Of the million. */
const KNOCKER = flyOf(7)
const FOR_EVER = '198.51.100.7'
const FREED = '198.51.100.8'
const REPEATER = '198.51.100.9'
const SIX = '2001:db8:77::/64'
const PREFIX = '198.51.101.0/24'

const old = await unpackOld()
const world = await makeWorld()
const gate = await world.host('gate')
const scanner = await world.host('scanner')
const client = await world.host('client')
await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
await world.link(gate, client, { a: [`${CLIENT_GATE}/24`], b: ['203.0.113.9/24'] })
await gate.route('default', '192.0.2.9')
await gate.nft(`table inet theirs { chain input { type filter hook input priority filter; policy drop
  ct state established,related accept
  tcp dport ${OPEN} accept\n}\n}`)
await serve(gate, `tcp:${OPEN}`)
// The mode and the setting whose chains and sets differ most between the two. As long as a million move nobody can look into the sets, and
// the holds of before would be over.
const flypaperd = install(
  gate,
  'closed = "unaccepted"\nhold = "10m"\nnever = ["203.0.113.77"]\n[grades]\nsilent = ["tcp/113"]',
)
const before = oldIn(gate, old, flypaperd.directory)
const file = join(flypaperd.directory, 'history.db')
const began = Date.now()

after(async () => {
  await world[Symbol.asyncDispose]()
  flypaperd[Symbol.dispose]()
  old[Symbol.dispose]()
})

const row = (source: string, more = '', values = '') =>
  `INSERT INTO lockout (source, because, since, times ${more && `, ${more}`}) VALUES ('${source}', 'closed-port', ${began}, 1 ${values && `, ${values}`});`
const MORE = [
  row(FOR_EVER),
  row(
    FREED,
    'until, released_at, released_by, released_because',
    `${untilOf(0, began)}, ${began}, 'anna', 'freed'`,
  ),
  row(REPEATER, 'until, latest', `${began}, 0`),
  row(REPEATER, 'until', `${untilOf(0, began)}`),
  row(SIX, 'until', `${untilOf(0, began)}`),
  row(PREFIX, 'locked_by, note', "'anna', 'enough'").replace('closed-port', 'by-hand'),
].join('\n')

let daemon: Running | undefined
let scanners: readonly string[] = []

/** The program of this version, or 0.1.0. */
type Program = Pick<Old, 'run' | 'launch'>

/** One leaves the trap armed, the other takes over, while the traffic goes on; afterwards whoever offends is locked out. */
async function replace(from: Program, to: Program): Promise<void> {
  const passing = await traffic({ gate, scanner, client }, { fly: KNOCKER, gate: CLIENT_GATE })
  const { pid } = JSON.parse((await from.run('status', '--json')).stdout).daemon as { pid: number }
  process.kill(pid, 'SIGUSR2')
  const { code, stderr } = await daemon!.ended
  assert.equal(code, 0, stderr)
  daemon = await to.launch('start')
  await daemon.says(/trap armed/, ARMED_MS)
  const passed = await passing.end()
  assert.ok(passed.connections > 0 && passed.scanners.length > 0, 'there was traffic')
  scanners = await offend(scanner, gate)
  await eventually('who offends is locked out', () => rowsOf(scanners) === scanners.length, 30_000)
  await isWhole(to)
}

/** How many of these are flies by the history. */
function rowsOf(sources: readonly string[]): number {
  return ask(
    `SELECT count(*) FROM json_each('${JSON.stringify(sources)}') JOIN lockout ON source = value WHERE ${IN_FORCE}`,
  )
}

const IN_FORCE = `latest = 1 AND released_at IS NULL AND (until IS NULL OR until > ${began})`

/** One number of the history, whichever program has it open. */
function ask(sql: string): number {
  using sqlite = new DatabaseSync(file, { readOnly: true })
  return Object.values(sqlite.prepare(sql).get()!)[0] as number
}

/** Everything is where it was: in the history, in the sets with its time, and `status` is content. */
async function isWhole(program: Program): Promise<void> {
  const { code, stdout } = await program.run('status')
  assert.equal(code, 0, stdout)
  assert.equal(stdout.match(/^[^:]+: +OK \(/gm)?.length, 6, stdout)
  assert.equal(ask(`SELECT count(*) FROM lockout WHERE source LIKE '10.%' AND ${IN_FORCE}`), FLIES)
  const numbers = [...new Set(Array.from({ length: SAMPLE }, () => Math.floor(Math.random() * FLIES)))]
  const flies = ask(
    `SELECT count(*) FROM lockout WHERE NOT instr(source, ':') AND NOT instr(source, '/') AND ${IN_FORCE}`,
  )
  const elements = [...numbers.map(flyOf), FOR_EVER, REPEATER, FREED, flyOf(FLIES)]
  // Behind the daemon the sets are compared and filled in pieces.
  let answer = await askSet(gate, { set: 'flypaper', elements })
  await eventually(
    () => `${flies} flies in the set, there are ${answer.count}`,
    async () => {
      answer = await askSet(gate, { set: 'flypaper', elements })
      return (answer.count ?? flies) === flies
    },
    60_000,
  )
  const late = numbers.filter(n => !(Math.abs(answer.until[flyOf(n)]! - untilOf(n, began)) <= TOLERANCE))
  assert.deepEqual(late, [], 'with the time that they have left')
  const there = [FOR_EVER, REPEATER, FREED, flyOf(FLIES)].map(source => source in answer.until)
  assert.deepEqual(there, [true, true, false, false], 'who is no fly is not there')
  assert.deepEqual(await listed(gate, 'flypaper6'), ['2001:db8:77::'])
  assert.deepEqual(await listed(gate, 'flypaper_nets'), [PREFIX])
  assert.deepEqual(await listed(gate, 'flypaper_never'), ['203.0.113.77'])
}

async function answersTo(source: string): Promise<string[]> {
  const { answers } = await send(scanner, { bursts: [[{ source, destination: GATE, tcp: OPEN }]] })
  return answers.map(({ kind }) => kind)
}

test(`0.1.0 with ${FLIES} flies`, async () => {
  assert.deepEqual(await answersTo(KNOCKER), ['syn-ack'], 'the control: without a trap the fly is answered')
  const { MIGRATIONS } = await import(join(old.directory, 'src/record/schema.ts'))
  remember(file, { migrations: MIGRATIONS, flies: FLIES, began, more: MORE })
  daemon = await before.start()
  assert.deepEqual(await answersTo(KNOCKER), [])
  await isWhole(before)
})

test('the upgrade, under a scan: no fly is lost or answered, no client waits in vain, whoever scans is held or locked out', async () => {
  await replace(before, flypaperd)
  assert.deepEqual(
    await listed(gate, 'flypaper_outside'),
    ['"to-scanner"'],
    'the sets are those of this version',
  )
  assert.ok(!(await namesIn(gate)).sets.includes('flypaper_uplinks'))
})

test('the way back, under a scan: the same', async () => {
  await countNoMore(flypaperd, () => replace(flypaperd, flypaperd))
  await replace(flypaperd, before)
  const { ways } = await namesIn(gate)
  assert.ok(
    !ways.some(way => /→ flypaper_(silent|heard)/.test(way)),
    'nothing enters what 0.1.0 does not know',
  )
  // Comes twice on this day, which 0.1.0 does not write down.
  const [twice] = scanners
  await before.must('free', twice!)
  await offend(scanner, gate, [twice!])
  await eventually('locked out again', () => rowsOf([twice!]) === 1)
})

test('the second upgrade, under a scan: the same, and who came twice under 0.1.0 counts once', async () => {
  await replace(before, flypaperd)
  const sources = ask("SELECT count(DISTINCT source) FROM lockout WHERE because <> 'by-hand'")
  const { days } = JSON.parse(await flypaperd.must('report', '--json')) as { days: { attackers: number }[] }
  assert.equal(
    days.reduce((sum, { attackers }) => sum + attackers, 0),
    sources,
  )
  await flypaperd.must('stop')
  assert.equal((await daemon!.ended).code, 0)
  const { chains, sets } = await namesIn(gate)
  assert.deepEqual(
    [chains, [...sets].sort()],
    [[], ['flypaper', 'flypaper6']],
    'nothing of either version stays',
  )
  assert.deepEqual(
    await answersTo(KNOCKER),
    ['syn-ack'],
    'the control: it has asked a port that answers all the time',
  )
})

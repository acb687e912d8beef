/** Who goes on trying stays locked out: by the kernel's own counters, of both families, over a restart; and the sets of older versions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'
const TRIES = '198.51.100.7'
const TRIES6 = '2001:db8:7::7'
/** Of the same fly. */
const NEIGHBOUR6 = '2001:db8:7::8'
const QUIET = '198.51.100.8'
const NET6 = '2001:db8:7::/64'

async function makeGate() {
  await using opening = new AsyncDisposableStack()
  const world = opening.use(await makeWorld())
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: [`${GATE}/24`, `${GATE6}/64`], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  const { b } = await world.link(gate, scanner, ends)
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await gate.route('2001:db8:7::/48', '2001:db8:1::9')
  for (const address of [`${TRIES}/32`, `${TRIES6}/128`])
    await scanner.must([
      'ip',
      'address',
      'add',
      address,
      'dev',
      b,
      ...(address.includes(':') ? ['nodad'] : []),
    ])
  await serve(gate, 'tcp:22')
  const opened = opening.move()
  return { gate, scanner, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Knocks at a port; tells what was answered. The scanner would say more itself in the name of an address that it has. */
async function knock(scanner: Host, source: string, tcp: number): Promise<string[]> {
  const destination = source.includes(':') ? GATE6 : GATE
  const { answers } = await send(scanner, { bursts: [[{ source, destination, tcp }]] })
  return answers.map(({ kind }) => kind)
}

/** Goes on trying until it is stopped, some times a second. */
function goOn(scanner: Host, source: string): Promise<Running> {
  const to = source.includes(':') ? GATE6 : GATE
  return scanner.start(['ping', '-i', '0.3', '-I', source, to])
}

const ping = async (scanner: Host, source: string) =>
  (await scanner.run(['ping', '-c', '1', '-W', '5', '-I', source, source.includes(':') ? GATE6 : GATE]))
    .stdout

const listed = (gate: Host, set = 'flypaper') => gate.must(['nft', 'list', 'set', 'inet', 'filter', set])

async function isFly(gate: Host, source: string): Promise<boolean> {
  const set = source.includes(':') ? 'flypaper6' : 'flypaper'
  const element = source.includes(':') ? NET6.replace('/64', '') : source
  return new RegExp(`[ \\t]${element} `).test(await listed(gate, set))
}

/** How often the fly was prolonged. */
async function prolonged(flypaperd: Installation, fly: string): Promise<number> {
  const lockouts = JSON.parse(await flypaperd.must('list', '--json')) as {
    source: string
    prolonged?: number
    times: number
  }[]
  const lockout = lockouts.find(({ source }) => source === fly)
  assert.equal(lockout?.times ?? 1, 1, 'it is the same lockout')
  return lockout?.prolonged ?? 0
}

async function killed(flypaperd: Installation, daemon: Running): Promise<void> {
  const { pid } = JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon
  process.kill(pid, 'SIGKILL')
  await daemon.ended
}

/** Two closed ports make a fly, one after the hold of the other: it has tried several. */
const TWO_PORTS = 'hold = "1s"\nevidence.stranger = { closed = 3 }\n'
const LOCKOUT = `${TWO_PORTS}[lockout]\nseveral = "12s"\nfirst = "12s"\n`

async function tryTwoPorts(scanner: Host, ...sources: readonly string[]): Promise<void> {
  for (const tcp of [81, 82]) {
    const bursts = sources.map(source => [{ source, destination: source.includes(':') ? GATE6 : GATE, tcp }])
    assert.deepEqual((await send(scanner, { bursts, wait: 0.2 })).answers, [])
    if (tcp === 81) await sleep(1200)
  }
}

test('whoever goes on trying stays beyond the end, IPv6 too and over a restart; whoever was quiet in the second half gets in', async () => {
  await using world = await makeGate()
  const { gate, scanner } = world
  using flypaperd = install(gate, LOCKOUT)
  let daemon = await flypaperd.start()
  await tryTwoPorts(scanner, TRIES, QUIET, TRIES6)
  // The quiet one tries an open port in the first half of its time.
  assert.deepEqual(await knock(scanner, QUIET, 22), [])
  const tries = [await goOn(scanner, TRIES), await goOn(scanner, TRIES6)]
  for (const _ of [TRIES, TRIES6, QUIET]) await daemon.says(/lockout /)

  await eventually('the quiet one ends', async () => !(await isFly(gate, QUIET)), 60_000)
  assert.deepEqual(await knock(scanner, QUIET, 22), ['syn-ack'])
  for (const source of [TRIES, TRIES6]) assert.ok(await isFly(gate, source), `${source} stays`)
  assert.deepEqual(await knock(scanner, NEIGHBOUR6, 22), [])
  assert.ok((await prolonged(flypaperd, TRIES)) > 0)
  const why = (await flypaperd.must('why', TRIES)).replaceAll(/\s+/g, ' ')
  assert.match(why, /prolonged (once|\d+ times), since it went on trying/)
  assert.match(why, /until [^;]+; \d+ of its packets were dropped lately\./)

  // Who is not asked for at his half, since nobody is there, may end: so it is killed when a time has just begun.
  const again = async (before: number) =>
    await eventually('prolonged', async () => (await prolonged(flypaperd, NET6)) > before, 60_000)
  await again(await prolonged(flypaperd, NET6))
  await killed(flypaperd, daemon)
  daemon = await flypaperd.start()
  await again(await prolonged(flypaperd, NET6))
  assert.deepEqual(await knock(scanner, NEIGHBOUR6, 22), [])

  for (const one of tries) {
    await one.stop('SIGTERM')
    assert.doesNotMatch(one.output(), /bytes from/, 'nothing answers while it tries')
  }
  for (const source of [TRIES, TRIES6]) {
    await eventually(`${source} ends`, async () => !(await isFly(gate, source)), 60_000)
    assert.match(await ping(scanner, source), /bytes from/, source)
  }
  assert.match(daemon.output(), /flies go on trying|1 fly goes on trying/)
  assert.doesNotMatch(daemon.output(), /cannot|refused/)
})

/** As 0.1.0 declares it. */
const OLD = 'table inet filter {\nset flypaper {\ntype ipv4_addr\nsize 1048576\nflags timeout\n}\n}\n'
const MANY = 500
const HOUR = 'first = "1h"\n'
const manyOf = (third: number) =>
  Array.from({ length: MANY }, (_, i) => `10.9.${third + (i >> 8)}.${i & 255}`)

/** Elements with their seconds left. */
async function secondsOf(gate: Host): Promise<ReadonlyMap<string, number>> {
  const { nftables } = JSON.parse(await gate.must(['nft', '-j', 'list', 'set', 'inet', 'filter', 'flypaper']))
  const [{ set }] = nftables.filter((one: object) => 'set' in one)
  return new Map(
    set.elem.map(({ elem }: { elem: { val: string; expires: number } }) => [elem.val, elem.expires]),
  )
}

test('without while_trying a lockout ends; the sets of older versions get counters with all flies, and lose them again', async () => {
  await using world = await makeGate()
  const { gate, scanner } = world
  const off = `${TWO_PORTS}[lockout]\nwhile_trying = false\n`
  using flypaperd = install(gate, `${off}first = "4s"\nseveral = "4s"\n`)
  const first = await flypaperd.start()
  await gate.nft(OLD)
  assert.doesNotMatch(await listed(gate), /counter/)
  await tryTwoPorts(scanner, TRIES)
  const tries = await goOn(scanner, TRIES)
  await first.says(/lockout 198\.51\.100\.7/)
  await tries.says(/bytes from/, 60_000)
  assert.ok(!(await isFly(gate, TRIES)), 'it has ended though it tries')
  await tries.stop('SIGTERM')

  flypaperd.settings(`${off}${HOUR}`)
  await flypaperd.must('reload')
  await flypaperd.must('lock', '--for', '2h', ...manyOf(0))
  await tryTwoPorts(scanner, QUIET)
  await first.says(/lockout 198\.51\.100\.8/)
  const whole = async (hours: number) => {
    const seconds = await secondsOf(gate)
    assert.equal(seconds.size, MANY * hours + 1)
    const left = seconds.get('10.9.0.1')!
    assert.ok(left <= 7200 && left > 6000, `${left}`)
    const other = seconds.get(QUIET)!
    assert.ok(other <= 3600 && other > 2400, `${other}`)
    assert.deepEqual(await knock(scanner, QUIET, 22), [])
  }

  // An armed trap that a killed daemon has left, as an older version would have it.
  await killed(flypaperd, first)
  flypaperd.settings(`${TWO_PORTS}[lockout]\n${HOUR}`)
  const second = await flypaperd.start()
  assert.match(await listed(gate), /^\t\tcounter$/m)
  assert.match(await listed(gate), /10\.9\.0\.1 counter packets 0/)
  await whole(1)
  assert.match(await listed(gate), /198\.51\.100\.8 counter packets 1 /)
  assert.notEqual(
    (await gate.run(['nft', '-f', '-'], { input: OLD })).code,
    0,
    'the kernel refuses the other form',
  )
  await flypaperd.must('lock', '--for', '2h', ...manyOf(4))
  flypaperd.settings(`${off}${HOUR}`)
  await flypaperd.must('reload')
  await gate.nft(OLD)
  await whole(2)

  // The flies alone, as a stop of an older version leaves them.
  await flypaperd.must('stop')
  await second.ended
  flypaperd.settings(`${TWO_PORTS}[lockout]\n${HOUR}`)
  const third = await flypaperd.start()
  assert.match(await listed(gate), /^\t\tcounter$/m)
  await whole(2)
  assert.equal((await flypaperd.run('status')).code, 0)
  for (const daemon of [first, second, third])
    assert.doesNotMatch(daemon.output(), /cannot|refused|not as they should/)
})

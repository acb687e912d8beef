/**
 * Random scans, and meanwhile frees, flushes, reloads, kills: `npm run test:long`, ten minutes unless told, which
 * writes docs/long-test.md. After each round all is quiet, and the books must balance.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outgoing } from '../../src/prove/packets.ts'
import { FATES, offences, openBooks, type Reading, sumOf } from '../support/books.ts'
import { type Installation, install } from '../support/daemon.ts'
import { LONG_SECONDS } from '../support/length.ts'
import { writeResult } from '../support/long-result.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'
import { inTurn, openDeeds, SETTINGS } from './deeds.ts'
import { type Change, type Ledger, openLedger } from './ledger.ts'
import { GATE, openScans, random, type Scans, SMALL, sourceOf } from './scans.ts'

/** From then on no daemon ends: one lives long enough to show whether it grows ... */
const STEADY_FROM = (2 / 3) * LONG_SECONDS * 1000
/** ... which so many readings tell. */
const STEADY_ROUNDS = 6

test(`${LONG_SECONDS} seconds of scans, frees, flushes, reloads and kills: the books balance`, async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await serve(gate, 'tcp:22')
  await openBooks(gate)
  using flypaperd = install(gate, SETTINGS)
  const scans = openScans()
  const source = () => sourceOf(random(scans.sources() + 1))
  const deeds = openDeeds({ gate, flypaperd, source }, await flypaperd.start())
  const ledger = await openLedger(gate, flypaperd)
  const done: Record<string, number> = {}
  const readings: Reading[] = []

  /** One deed in the middle of one scan. */
  async function round(deed: string): Promise<void> {
    const scan = [...scans.atRandom(), await scanOfPeer(gate)]
    const scanning = send(scanner, { bursts: [scan], gap: 2000 + random(6000), wait: 0 })
    const [change] = await Promise.all([act(deed), scanning])
    readings.push(await ledger.enter(deed, change))
  }

  async function act(deed: string): Promise<Change | undefined> {
    await begun(gate, ledger)
    await sleep(random(500))
    done[deed] = (done[deed] ?? 0) + 1
    const change = await deeds.changes[deed]?.()
    if (change === undefined) await deeds.steady[deed]!()
    return change
  }

  const began = Date.now()
  const names = Object.keys({ ...deeds.steady, ...deeds.changes })
  let steadyFrom: number
  try {
    await opening({ gate, scanner, flypaperd }, scans, ledger)
    const any = inTurn(names)
    while (Date.now() - began < STEADY_FROM || names.some(name => done[name] === undefined))
      await round(any.next().value)
    steadyFrom = readings.length
    const steady = inTurn(Object.keys(deeds.steady))
    while (Date.now() - began < LONG_SECONDS * 1000 || readings.length < steadyFrom + STEADY_ROUNDS)
      await round(steady.next().value)
    await assertAgreement(gate, flypaperd)
  } catch (cause) {
    throw new Error(`${JSON.stringify(done)}; the daemon wrote: ${lastWords(deeds.daemon().output())}`, {
      cause,
    })
  }

  const balance = ledger.balance()
  const descriptors = readings.map(reading => reading.descriptors)
  const result = {
    seconds: Math.round((Date.now() - began) / 1000),
    rounds: readings.length,
    deeds: done,
    ...balance,
    descriptors: [Math.min(...descriptors), Math.max(...descriptors)],
    memory: halvesOf(readings.slice(steadyFrom)).map(medianMB),
  } as const
  t.diagnostic(JSON.stringify(result))
  const accounted = sumOf(balance.fates) + balance.lost + balance.missed
  assert.equal(accounted, balance.offences, 'every offence is exactly one of these')
  assert.ok(result.descriptors[1]! - result.descriptors[0]! <= 3, `descriptors: ${descriptors}`)
  assert.ok(result.memory[1]! < result.memory[0]! * 1.5, `MB: ${result.memory}`)
  if (LONG_SECONDS >= 300) writeResult(result)
  assert.equal((await deeds.daemon().stop()).code, 0)
})

/**
 * Meets every fate: a crowd, and newcomers who would stay ten minutes and find a flypaper that is full for an hour, by hand.
 */
async function opening(
  { gate, scanner, flypaperd }: { gate: Host; scanner: Host; flypaperd: Installation },
  scans: Scans,
  ledger: Ledger,
): Promise<void> {
  const act = async (burst: Outgoing[], gap: number) => {
    await send(scanner, { bursts: [burst], gap, wait: 0 })
    await ledger.enter('opening')
    await sleep(2000) // Promotions are allowed again.
  }
  await act([...scans.crowd(), await scanOfPeer(gate)], 500)
  const byHand = Array.from({ length: SMALL.flypaper }, (_, n) => `203.0.113.${n}`)
  await flypaperd.must('lock', ...byHand, '--for', '1h')
  await act(scans.newcomers(40), 100)
  await flypaperd.must('free', '203.0.113.0/24')
  const { fates } = ledger.balance()
  for (const fate of FATES)
    assert.ok(fates[fate] > 0, `the control: ${fate} was met: ${JSON.stringify(fates)}`)
}

/** The gate talks to somebody, who then tries a closed port: that is spared. */
async function scanOfPeer(gate: Host): Promise<Outgoing> {
  const peer = `198.19.255.${1 + random(250)}`
  await gate.must(['bash', '-c', `echo >/dev/udp/${peer}/9`])
  return { source: peer, destination: GATE, tcp: 20_000 }
}

/** When the kernel has handed over something of the scan, which may be of flies alone. */
async function begun(gate: Host, ledger: Ledger): Promise<void> {
  for (let patience = 40; (await offences(gate)) === ledger.counted() && patience > 0; patience--)
    await sleep(50)
}

/** History and kernel; a fly whose time is over at this moment may be in one of them only. */
async function assertAgreement(gate: Host, flypaperd: Installation): Promise<void> {
  for (let patience = 5; patience > 0; patience--, await sleep(1000)) {
    const [one, other] = [await listed(flypaperd), await inKernel(gate)]
    if (one.join() === other.join()) return
  }
  assert.deepEqual(await listed(flypaperd), await inKernel(gate), 'history and kernel agree')
}

async function listed(flypaperd: Installation): Promise<string[]> {
  const rows = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  return rows.map(({ source }) => source).sort()
}

async function inKernel(gate: Host): Promise<string[]> {
  const { nftables } = JSON.parse(await gate.must(['nft', '-j', 'list', 'set', 'inet', 'filter', 'flypaper']))
  const elements = (nftables[1].set.elem ?? []) as { elem: { val: string } }[]
  return elements.map(({ elem }) => elem.val).sort()
}

function halvesOf<T>(all: readonly T[]): readonly T[][] {
  return [all.slice(0, all.length / 2), all.slice(all.length / 2)]
}

function medianMB(readings: readonly Reading[]): number {
  const sorted = readings.map(({ memoryMB }) => memoryMB).sort((a, b) => a - b)
  return Math.round(sorted[sorted.length >> 1] ?? 0)
}

function lastWords(output: string): string {
  return output.slice(-2000)
}

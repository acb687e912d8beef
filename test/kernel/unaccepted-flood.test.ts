/**
 * closed = "unaccepted" while tens of thousands of forged sources try a port that somebody else's rules refuse: the sets keep their
 * bounds, each is judged once, and whoever is let in notices nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PASSING_MAX } from '../../src/arm/ruleset/sets.ts'
import { IN_VM, type Installation, install } from '../support/daemon.ts'
import { GATE, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { watchSizes } from '../support/set-sizes.ts'
import { makeWorld } from '../support/world.ts'

const SOURCES = IN_VM ? 4000 : 40_000
const HELD = 65_536
const QUIET_MS = 3000
const GAP_US = 30
/** Somebody listens, and their rules refuse; and what they accept. */
const REFUSED = 81
const OPEN = 22
const THEIRS = `table inet theirs {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport ${OPEN} accept
  }
}`

const source = (i: number) => `10.1.${i >> 8}.${i & 255}`

test(`a flood of ${SOURCES} sources to a port that others refuse`, async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '10.1.0.0/16', '198.51.100.0/24')
  await serve(gate, `tcp:${OPEN}`, `tcp:${REFUSED}`)
  await gate.nft(THEIRS)
  const flood = Array.from({ length: SOURCES }, (_, i) => ({
    source: source(i),
    destination: GATE,
    tcp: REFUSED,
  }))
  using flypaperd = install(gate, 'closed = "unaccepted"\ncapture = "log"')
  const daemon = await flypaperd.start()
  const answers = async (from: string, ...ports: number[]) =>
    (
      await send(scanner, { bursts: [ports.map(tcp => ({ source: from, destination: GATE, tcp }))] })
    ).answers.map(({ kind }) => kind)
  assert.deepEqual(await answers('198.51.100.1', OPEN), ['syn-ack'], 'the control')

  const sizes = await watchSizes(gate, 'flypaper_passing', 'flypaper_pending')
  let isOver = false
  const sending = send(scanner, { bursts: [flood], gap: GAP_US }).finally(() => {
    isOver = true
  })
  let innocents = 0
  while (!isOver)
    assert.deepEqual(await answers(`198.51.100.${10 + innocents++}`, OPEN), ['syn-ack'], 'an innocent')
  await sending
  await settled(flypaperd)
  const { looks, most, last } = await sizes()
  t.diagnostic(`${innocents} innocents, ${looks} looks, at most ${JSON.stringify(most)}`)
  assert.ok(innocents > 0 && looks > 10)
  if (!IN_VM) assert.ok(most.flypaper_passing! > PASSING_MAX / 2, 'there was a flood')
  assert.ok(most.flypaper_passing! <= PASSING_MAX, `${most.flypaper_passing} passed at once`)
  assert.ok(most.flypaper_pending! <= HELD, `${most.flypaper_pending} were pending at once`)
  assert.equal(last.flypaper_passing, 0, 'what was judged is forgotten')

  const { lockouts, again, spared } = await countsOf(flypaperd)
  t.diagnostic(`${lockouts} locked out`)
  assert.ok(lockouts > most.flypaper_passing! / 2 && lockouts <= SOURCES, `${lockouts} locked out`)
  assert.equal(again, 0, 'each once')
  assert.ok(
    Object.values(spared).every(count => count === 0),
    JSON.stringify(spared),
  )
  assert.doesNotMatch(daemon.output(), /<[0-4]>|refused|armed again/, 'no alarm')

  // Whoever is refused after it sticks, whoever was let in before does not.
  assert.deepEqual(await answers('198.51.100.250', REFUSED, OPEN), [])
  await stuck(flypaperd, '198.51.100.250')
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.equal(flies.length, lockouts + 1)
  assert.deepEqual(
    flies.map(({ source }) => source).filter(source => source.startsWith('198.')),
    ['198.51.100.250'],
  )
  assert.ok(flies.some(fly => fly.source === source(0)))
})

interface Counts {
  readonly lockouts: number
  readonly again: number
  readonly spared: Readonly<Record<string, number>>
}

async function countsOf(flypaperd: Installation): Promise<Counts> {
  return JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon.counts
}

/** Nobody was locked out any more for a while. */
async function settled(flypaperd: Installation): Promise<void> {
  for (let before = -1; ; await sleep(QUIET_MS)) {
    const { lockouts } = await countsOf(flypaperd)
    if (lockouts === before) return
    before = lockouts
  }
}

async function stuck(flypaperd: Installation, who: string): Promise<void> {
  for (let patience = 100; patience > 0; patience--) {
    if ((await flypaperd.run('list', who)).stdout.includes(who)) return
    await sleep(100)
  }
  assert.fail(`${who} is no fly`)
}

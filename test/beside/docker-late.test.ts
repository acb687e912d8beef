/** The real dockerd, started while the trap is armed: closed = "auto" follows it, and says so. And when its rules are gone, too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GATE } from '../support/corpus.ts'
import { type Installation, install, lockouts, lockoutsOf } from '../support/daemon.ts'
import type { Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'
import { house } from './house.ts'
import { BEHIND, docker, PUBLISHED } from './managers.ts'
import { build, SCANNER, type Site, VISITORS } from './site.ts'
import { connect, openPorts, SCANS } from './trials.ts'

/** It follows when the rules are at rest, for 5 s the first time and for 10 s the second; a busy machine has patience. */
const PATIENCE_MS = 90_000
const CHANGED = /the firewall has changed: .*/g
const STRANGERS = ['198.19.4.7', '198.19.4.8', '198.19.4.9'] as const
const PORTS = [22, 80, 43974]

test('Docker comes after the start, and goes: auto follows', async t => {
  await using world = await makeWorld()
  const site = await build(world)
  const home = await house(site.gate)
  const late = docker('flypaperd-beside-late')
  using flypaperd = install(site.gate)
  try {
    assert.deepEqual(await openPorts(site, SCANS[0]!), PORTS, 'the control: without the trap')
    const daemon = await flypaperd.start()
    const trials = trialsOf(site, flypaperd, daemon)

    await t.test('before: nothing is here, and closed is where nobody listens', async () => {
      await daemon.says(/closed = "auto" takes "listening", since no rule here refuses anything/)
      await trials.assertMode('listening')
      await trials.assertBlind()
      assert.equal(await connect(site.visitors, VISITORS, 22), 0)
      await trials.assertNotSeen(STRANGERS[0], BEHIND)
    })

    await t.test('dockerd starts, and a container publishes a port: its clients come at once', async () => {
      await late.load(home)
      assert.equal(await connect(site.visitors, VISITORS, PUBLISHED), 0)
      await daemon.says(
        /the firewall has changed: closed = "auto" takes "unaccepted", since table ip filter/,
        PATIENCE_MS,
      )
      await trials.assertMode('unaccepted')
      assert.equal(await connect(site.visitors, VISITORS, PUBLISHED), 0)
      assert.deepEqual(trials.fresh(), [], 'none of them is locked out')
      await trials.assertBlind()
      await trials.assertSeen(STRANGERS[1], BEHIND)
    })

    await t.test('dockerd restarts: the mode stays', async () => {
      await late.reload(home)
      await trials.assertMode('unaccepted')
      await trials.assertBlind()
      assert.equal(daemon.output().match(CHANGED)?.length, 1, 'said once')
    })

    await t.test('dockerd ends, and its rules are removed: the weaker mode, with a warning', async () => {
      await late.end(home)
      assert.equal(daemon.output().match(CHANGED)?.length, 1, 'it leaves its rules')
      for (const table of ['filter', 'nat']) await site.gate.must(['nft', 'delete', 'table', 'ip', table])
      await daemon.says(
        /<4>the firewall has changed: .*takes "listening", since no rule .*sees less than "unaccepted"/,
        PATIENCE_MS,
      )
      await trials.assertMode('listening')
      await trials.assertBlind()
      await trials.assertNotSeen(STRANGERS[2], BEHIND)
      assert.equal(daemon.output().match(CHANGED)?.length, 2)
    })
    await flypaperd.must('stop')
    await daemon.ended
  } finally {
    await late.end(home)
  }
})

function trialsOf(site: Site, flypaperd: Installation, daemon: Running) {
  let told = 0
  const fresh = () => lockouts(daemon).slice(told)
  const forget = async () => {
    told = lockouts(daemon).length
    await flypaperd.must('flush')
  }
  const tries = (source: string, destination: string, tcp: number) =>
    send(site.others, { bursts: [[{ source, destination, tcp }]], wait: 0 })
  const trials = {
    fresh,
    /** Every line of status is OK, and the chains are those of the mode. */
    async assertMode(closed: 'listening' | 'unaccepted'): Promise<void> {
      const what = { listening: 'where nobody listens', unaccepted: 'what nobody accepts' }[closed]
      assert.match(
        await flypaperd.must('status'),
        new RegExp(`into input: +OK \\(closed is ${what}, by "auto"\\)`),
      )
      const chains = await site.gate.must(['nft', '-t', 'list', 'table', 'inet', 'filter'])
      assert.equal(/chain flypaper_listening /.test(chains), true)
      assert.equal(/chain flypaper_watch /.test(chains), closed === 'unaccepted')
    },
    /** A scan that begins with closed ports finds nothing, and its source sticks. */
    async assertBlind(): Promise<void> {
      assert.deepEqual(await openPorts(site, SCANS[0]!), [])
      assert.deepEqual(fresh(), [SCANNER.address])
      await forget()
    },
    /** One packet to a port that nobody opens. */
    async assertSeen(source: string, destination: string): Promise<void> {
      await tries(source, destination, 81)
      assert.deepEqual(await lockoutsOf(daemon, told + 1), [...lockouts(daemon).slice(0, told), source])
      await forget()
    },
    /** Nothing comes of it: then of an undoubted offence something does. */
    async assertNotSeen(source: string, destination: string): Promise<void> {
      await tries(source, destination, 81)
      await trials.assertSeen(`${source}1`, GATE)
    },
  }
  return trials
}

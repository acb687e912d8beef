/** One manager, all modes, all trials: what a test file of this folder runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GATE } from '../support/corpus.ts'
import { type Installation, install, lockedOut, lockouts } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'
import { type House, house } from './house.ts'
import { BEHIND, type Closed, MANAGERS, type Manager, PUBLISHED } from './managers.ts'
import { build, REFUSED, SCANNER, type Site, VISITORS } from './site.ts'
import { BURST, burst, connect, innocents, openPorts, SCANS, type Scan, SLOW, stuckIn } from './trials.ts'

export function tryBeside(name: keyof typeof MANAGERS): void {
  const manager: Manager = MANAGERS[name]
  test(`beside ${name}`, async t => {
    await using world = await makeWorld()
    const site = await build(world)
    if (manager.published !== undefined) await site.gate.forward()
    const home = await house(site.gate)
    await manager.load(home)
    // What a reload changes by itself is not ours.
    await manager.reload(home)
    const expected = await control(manager, site)
    const modes = new Map<Closed, string>([
      [manager.recommended.closed, manager.recommended.settings],
      ['listening', 'closed = "listening"'],
    ])
    for (const [closed, settings] of modes) {
      await t.test(`closed = ${closed}`, async t => {
        using flypaperd = install(site.gate, settings)
        const trials = trialsOf({ manager, site, home, flypaperd, expected, closed })
        for (const [trial, run] of Object.entries(trials)) await t.test(trial, run)
      })
    }
    await manager.end?.(home)
  })
}

/** What is so without the trap. */
interface Expected {
  readonly answered: readonly string[]
}

/** Everything that must not be found with the trap is found without. */
async function control(manager: Manager, site: Site): Promise<Expected> {
  for (const scan of SCANS) {
    const isPublished =
      manager.published !== undefined && (manager.published.six || !scan.args.includes('-6'))
    const all = [22, 80, ...(isPublished ? [PUBLISHED] : []), 43974]
    assert.deepEqual(await openPorts(site, scan), all, `without the trap, ${scan.name}`)
  }
  assert.equal(await burst(site, 1), BURST * 2 * 3, 'without the trap')
  const answered = await innocents(site)
  assert.ok(answered.length > 0)
  return { answered }
}

interface Trying {
  readonly manager: Manager
  readonly site: Site
  readonly home: House
  readonly flypaperd: Installation
  readonly expected: Expected
  readonly closed: Closed
}

/** In this order: each leaves the trap armed, and nobody in it, but the last. */
function trialsOf({ manager, site, home, flypaperd, expected, closed }: Trying) {
  let daemon: Awaited<ReturnType<Installation['start']>>
  let before: string
  let told = 0
  const fresh = () => lockouts(daemon).slice(told)
  const forget = async () => {
    told = lockouts(daemon).length
    await flypaperd.run('flush')
  }
  async function assertBlind(scan: Scan, during?: () => Promise<unknown>): Promise<void> {
    const looking = openPorts(site, scan)
    await during?.()
    assert.deepEqual(await looking, [])
    const fly = scan.args.includes('-6') ? SCANNER.fly6 : SCANNER.address
    assert.deepEqual([...new Set(fresh())], [fly])
  }
  /** One packet of a stranger: is he locked out for it? */
  async function isOffence(source: string, destination: string, tcp: number): Promise<boolean> {
    const control = `${source}1`
    const before = lockouts(daemon).length
    await send(site.others, { bursts: [[{ source, destination, tcp }]], wait: 500 })
    await send(site.others, { bursts: [[{ source: control, destination: GATE, tcp: 81 }]], wait: 0 })
    await daemon.says(new RegExp(`lockout ${control},`))
    return lockouts(daemon).slice(before).includes(source)
  }

  return {
    'doctor recommends, and the trap is armed': async () => {
      before = await rulesOf(site, home)
      assert.equal((await doctor(flypaperd)).recommended, manager.recommended.closed)
      assert.equal(await rulesOf(site, home), before, 'the doctor changes nothing')
      daemon = await flypaperd.start()
      assert.equal((await doctor(flypaperd)).in_force, closed)
    },
    '2 × 200 connections at the same time are made': async () => {
      const [one, two, one6, two6] = VISITORS
      assert.equal(await connect(site.visitors, [one, two], 22), 0)
      assert.equal(await connect(site.visitors, [one6, two6], 80), 0)
      if (manager.published !== undefined)
        assert.equal(await connect(site.visitors, [one, two], PUBLISHED), 0, 'to the published port')
      assert.deepEqual(fresh(), [])
    },
    innocents: async () => {
      assert.deepEqual(await innocents(site), expected.answered)
      assert.deepEqual(await stuckIn(site.gate), [])
      assert.deepEqual(fresh(), [])
    },
    ...Object.fromEntries(
      SCANS.map(scan => [
        scan.name,
        async () => {
          await assertBlind(scan)
          await forget()
        },
      ]),
    ),
    burst: async () => {
      assert.equal(await burst(site, 2), 0)
      const all = told + BURST * 2
      assert.equal(await lockedOut(flypaperd, all), all)
      assert.equal(await burst(site, 3, []), BURST * 2 * 3, 'who touches no closed port is answered')
      await forget()
    },
    'what it can see': async () => {
      const seesRefused = closed !== 'listening' && manager.refuses
      assert.equal(await isOffence('198.19.4.7', GATE, REFUSED), seesRefused)
      if (manager.published !== undefined)
        assert.equal(await isOffence('198.19.4.8', BEHIND, 81), closed !== 'listening')
      await forget()
    },
    'the manager is reloaded during a scan': async () => {
      const said = daemon.output().length
      await assertBlind(SLOW, async () => {
        await sleep(1_000)
        await manager.reload(home)
      })
      const armedAgain = /has removed a part of the trap: armed again/
      if (manager.takesTrapAway) await daemon.says(armedAgain)
      else assert.doesNotMatch(daemon.output().slice(said), /removed|armed again/)
      assert.equal((await flypaperd.run('status')).code, 0)
      await forget()
      await assertBlind(SCANS[0]!)
      assert.equal(await connect(site.visitors, VISITORS, 22, 10), 0)
      await forget()
    },
    'after stop the rules are as before': async () => {
      await flypaperd.must('stop')
      await daemon.ended
      assert.equal(await rulesOf(site, home), before)
    },
  }
}

async function doctor(flypaperd: Installation): Promise<{ in_force: string; recommended: string }> {
  return JSON.parse((await flypaperd.run('doctor', '--json')).stdout).closed
}

/** Everybody's rules, without counters and times. */
async function rulesOf({ gate }: Site, home: House): Promise<string> {
  const saved = await home.sh(`for of in iptables ip6tables; do
    $of-nft-save; if [ -s /proc/net/ip_tables_names ]; then $of-legacy-save; fi
  done`)
  const plain = saved.replace(/ \[\d+:\d+\]$/gm, '').replace(/^# (?:Generated|Completed).*\n/gm, '')
  return `${await gate.must(['nft', '-s', 'list', 'ruleset'])}${plain}`
}

/** One manager, all modes, all trials: what a test file of this folder runs. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GATE } from '../support/corpus.ts'
import { type Installation, install, lockedOut, lockouts } from '../support/daemon.ts'
import { PATIENCE } from '../support/process.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'
import { type House, house } from './house.ts'
import { BEHIND, blockedPrefixes, type Closed, MANAGERS, type Manager, PUBLISHED } from './managers.ts'
import { build, REFUSED, SCANNER, type Site, VISITORS } from './site.ts'
import {
  BURST,
  burst,
  connect,
  innocents,
  openPorts,
  SCANS,
  type Scan,
  SLOW,
  SLOW_CLOSED,
  stuckIn,
} from './trials.ts'

type Blocked = NonNullable<Manager['blocked']>

export function tryBeside(name: keyof typeof MANAGERS): void {
  const manager: Manager = MANAGERS[name]
  test(`beside ${name}`, async t => {
    await using world = await makeWorld()
    const site = await build(world)
    const home = await house(site.gate)
    const { blocked } = manager
    const answered = async () => blocked && (await answeredOf(site, blocked)).sort()
    try {
      assert.deepEqual(await answered(), blocked && [blocked.member, blocked.neighbour], 'without rules')
      await manager.load(home)
      // What a reload changes by itself is not ours.
      await manager.reload(home)
      assert.deepEqual(await answered(), blocked && [blocked.neighbour], 'without the trap')
      const expected = await control(manager, site)
      await t.test('prove keeps its word on a clone of it', () => assertProven(site))
      for (const { closed, settings } of modesOf(manager)) {
        const asked = settings === '' ? `auto, which is ${closed}` : closed
        await t.test(`closed = ${asked}`, async t => {
          using flypaperd = install(site.gate, settings)
          const trials = trialsOf({ manager, site, home, flypaperd, expected, closed })
          for (const [trial, run] of Object.entries(trials)) await t.test(trial, run)
        })
      }
      if (blocked !== undefined)
        await t.test('the large set is as it was loaded', () => assertUnchanged(site, blocked))
    } finally {
      await manager.end?.(home)
    }
  })
}

/** Its control finds in the clone what this machine opens, its scans find nothing, nobody is hurt, and nothing of the machine has changed. */
async function assertProven({ gate }: Site): Promise<void> {
  using flypaperd = install(gate)
  const settings = ['--settings', join(flypaperd.directory, 'flypaperd.toml')]
  const { code, stdout, stderr } = await gate.run(
    [process.execPath, FLYPAPERD, 'prove', '--json', ...settings],
    {
      timeout: 120_000 * PATIENCE,
    },
  )
  assert.ok(code <= 1, stderr)
  const { kept, scans, clients } = JSON.parse(stdout) as Proven
  assert.deepEqual(
    [...scans, ...clients].filter(({ isLeak, isHurt }) => isLeak || isHurt),
    [],
  )
  assert.deepEqual([code, kept], [0, true])
  for (const { control, found } of scans.filter(({ scan }) => scan === 'SYN')) {
    for (const port of [22, 80, 43974]) assert.ok(control.includes(`tcp/${port}`), `${port} in the control`)
    assert.deepEqual(found, [])
  }
}

interface Proven {
  readonly kept: boolean
  readonly scans: readonly {
    scan: string
    control: string[]
    found: string[]
    isLeak: boolean
    isHurt?: never
  }[]
  readonly clients: readonly { isHurt: boolean; isLeak?: never }[]
}

/** What no setting names is "auto", which takes what doctor recommends. */
function modesOf({ recommended, chains }: Manager): readonly { closed: Closed; settings: string }[] {
  const named = (['listening', 'unaccepted'] as const)
    .filter(closed => closed !== recommended)
    .map(closed => ({ closed, settings: `closed = "${closed}"` }))
  return [
    { closed: recommended, settings: '' },
    ...named,
    ...(chains === undefined ? [] : [{ closed: 'unmatched', settings: chains } as const]),
  ]
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
    assert.deepEqual(await openPorts(site, scan, during), [])
    const fly = scan.args.includes('-6') ? SCANNER.fly6 : SCANNER.address
    assert.deepEqual([...new Set(fresh())], [fly])
  }
  /** One packet of a stranger. Nothing comes of it: then of an undoubted offence a moment later something does. */
  async function assertSeen(
    isSeen: boolean,
    source: string,
    destination: string,
    tcp: number,
  ): Promise<void> {
    await send(site.others, { bursts: [[{ source, destination, tcp }]], wait: 0 })
    if (isSeen) return void (await daemon.says(new RegExp(`lockout ${source}, who tried TCP-port ${tcp},`)))
    await sleep(1_500)
    await send(site.others, { bursts: [[{ source: `${source}1`, destination: GATE, tcp: 81 }]], wait: 0 })
    await daemon.says(new RegExp(`lockout ${source}1,`))
    assert.ok(!lockouts(daemon).includes(source))
  }

  const rules = () => rulesOf(manager, site, home)
  const { blocked } = manager

  return {
    'doctor recommends, and the trap is armed': async () => {
      before = await rules()
      const recommended = closed === 'unmatched' ? closed : manager.recommended
      assert.equal((await doctor(flypaperd)).recommended, recommended)
      assert.equal(await rules(), before, 'the doctor changes nothing')
      daemon = await flypaperd.start()
      const { in_force, recommended: still } = await doctor(flypaperd)
      assert.deepEqual([in_force, still], [closed, recommended])
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
      await assertSeen(closed !== 'listening' && manager.refuses, '198.19.4.7', GATE, REFUSED)
      if (manager.published !== undefined) await assertSeen(closed !== 'listening', '198.19.4.8', BEHIND, 81)
      await forget()
    },
    ...(blocked && {
      'a member of a large set of his is refused by his rule': async () => {
        assert.deepEqual(await answeredOf(site, blocked), [blocked.neighbour])
        await assertSeen(false, blocked.member, GATE, 22)
        await forget()
      },
    }),
    'the manager is reloaded during a scan': async () => {
      const said = daemon.output().length
      // Between a flush and arming again a fly is answered, and a large file is loaded when it is loaded: then closed ports only.
      await assertBlind(blocked === undefined ? SLOW : SLOW_CLOSED, async () => {
        await sleep(1_000)
        await manager.reload(home)
        if (manager.takesTrapAway) await daemon.says(/has removed a part of the trap: armed again/)
      })
      if (!manager.takesTrapAway) assert.doesNotMatch(daemon.output().slice(said), /removed|armed again/)
      assert.equal((await flypaperd.run('status')).code, 0)
      await forget()
      await assertBlind(SCANS[0]!)
      assert.equal(await connect(site.visitors, VISITORS, 22, 10), 0)
      await forget()
    },
    'after stop the rules are as before': async () => {
      await flypaperd.must('stop')
      await daemon.ended
      assert.equal(await rules(), before)
    },
  }
}

async function doctor(flypaperd: Installation): Promise<{ in_force: string; recommended: string }> {
  return JSON.parse((await flypaperd.run('doctor', '--json')).stdout).closed
}

/** Who is answered at an open port: the member of a large set, and his neighbour who is none. */
async function answeredOf({ others }: Site, { member, neighbour }: Blocked): Promise<string[]> {
  const bursts = [member, neighbour].map(source => [{ source, destination: GATE, tcp: 22 }])
  const { answers } = await send(others, { bursts })
  return answers.filter(({ kind }) => kind === 'syn-ack').map(({ destination }) => destination)
}

async function assertUnchanged({ gate }: Site, { set }: Blocked): Promise<void> {
  const text = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
  const now = text.match(/[\d.]+\/29/g) ?? []
  const loaded = blockedPrefixes()
  assert.equal(now.length, loaded.length)
  assert.ok(now.every((prefix, i) => prefix === loaded[i]))
}

/** Everybody's rules, without counters and times; where a set is large, without what is in it. */
async function rulesOf({ blocked }: Manager, { gate }: Site, home: House): Promise<string> {
  const saved = await home.sh(`for of in iptables ip6tables; do
    $of-nft-save; if [ -s /proc/net/ip_tables_names ]; then $of-legacy-save; fi
  done`)
  const plain = saved.replace(/ \[\d+:\d+\]$/gm, '').replace(/^# (?:Generated|Completed).*\n/gm, '')
  const terse = blocked === undefined ? [] : ['-t']
  return `${await gate.must(['nft', '-s', ...terse, 'list', 'ruleset'])}${plain}`
}

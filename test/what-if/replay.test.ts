/** What the ring remembers, put through the same settings, is what happened; through others it is what a second daemon makes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Entry } from '../../src/ring/entry.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import type { TellingChannel } from '../../src/terms/channel.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { compare } from '../../src/what-if/compare.ts'
import { replay, sourcesOf } from '../../src/what-if/replay.ts'
import type { Visits } from '../../src/what-if/visits.ts'
import { fakeWorld } from '../support/fake-world.ts'

const ON = '[ring]\non = true\n'

type World = ReturnType<typeof fakeWorld>
interface Event {
  readonly wait: number
  readonly packets: readonly { source: string; destination: string; tcp: number }[]
  readonly channel: TellingChannel
  readonly free?: string
}

/** The same for the same seed: mulberry32. */
function dice(seed: number) {
  let state = seed
  return (sides: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % sides
  }
}

const CHANNELS: readonly TellingChannel[] = ['offence', 'peer', 'known', 'late', 'known-late']

/** Scanners and innocents, for some hours: repetitions, bursts, networks of IPv6, and somebody who frees. */
function scans(seed: number, count = 300): Event[] {
  const roll = dice(seed)
  return Array.from({ length: count }, () => {
    const who = 1 + roll(24)
    const isSix = who % 4 === 0
    const source = isSix ? `2001:db8:${who}::${1 + roll(3)}` : `198.51.100.${who}`
    const destination = isSix ? '2001:db8::1' : '192.0.2.1'
    const packets = Array.from({ length: 1 + roll(3) }, () => ({
      source: roll(5) === 0 && !isSix ? `198.51.100.${1 + roll(24)}` : source,
      destination: isSix ? '2001:db8::1' : destination,
      tcp: 1000 + roll(6),
    }))
    const wait = [1, 500, 20_000, 700_000][roll(4)]!
    return {
      wait,
      packets,
      channel: CHANNELS[roll(5)]!,
      ...(roll(40) === 0 && { free: source }),
    }
  })
}

/** As the kernel would: whoever is a fly or held is not handed over, and an offence holds its source. In a dry run all are. */
async function play(world: World, toml: string, events: readonly Event[]): Promise<void> {
  using trap = world.open(toml)
  const { dryRun } = trap.settings
  const { firewall } = world
  for (const { wait, packets, channel, free } of events) {
    world.pass(wait)
    const heard: (typeof packets)[number][] = []
    for (const packet of packets) {
      const fly = flyOf(packet.source)
      const hold = fly.endsWith('/64') ? 'flypaper_hold6' : 'flypaper_hold'
      const element = fly.replace('/64', '')
      const isSilent =
        trap.flies.get(fly, world.now()) !== undefined || firewall.elementsOf(hold).has(element)
      if (dryRun || !isSilent) heard.push(packet)
      if (!dryRun && !isSilent && channel === 'offence') firewall.others.add(hold, element, 20)
    }
    if (heard.length > 0) world.sockets.deliver(heard, { channel })
    if (free !== undefined) trap.freeThese([flyOf(free)], 'somebody')
  }
  await new Promise(resolve => setImmediate(resolve))
}

const flyOf = (source: string) => source.replace(/^(2001:db8:\d+)::.*/, '$1::/64') as Fly

/** What the history of a world knows: each lockout by a packet. */
function lockedOut({ eventsOf }: World): string[] {
  return eventsOf('lockout').map(({ lockout: { source, since, until, because } }) =>
    [source, since, until, because].join(' '),
  )
}

function textsOf(visits: Visits): string[] {
  return [...visits.of].flatMap(([source, all]) =>
    all.map(({ since, until, because }) => [source, since, until, because].join(' ')),
  )
}

function through(world: World, toml: string, entries: readonly Entry[] = world.ring.entries()) {
  const settings = world.settings(toml)
  const { from } = sourcesOf(entries, settings)
  using history = openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false }))
  return replay(entries, settings, { history, at: from! })
}

/** Each time that somebody was locked out: the event has the times as they were before somebody freed. */
const sourcesIn = (texts: readonly string[]) => texts.map(text => text.split(' ')[0]).sort()

test('the same settings: who was locked out, when, why and for how long, in many worlds', async () => {
  let lockouts = 0
  for (let seed = 1; seed <= 40; seed++) {
    const world = fakeWorld()
    await play(world, ON, scans(seed))
    const { happened, would } = through(world, ON)
    assert.deepEqual(textsOf(would), textsOf(happened), `seed ${seed}`)
    assert.deepEqual(compare(happened, would, 0).changes, [])
    assert.deepEqual(sourcesIn(textsOf(happened)), sourcesIn(lockedOut(world)), `seed ${seed}`)
    lockouts += lockedOut(world).length
  }
  assert.ok(lockouts > 500, `${lockouts} lockouts`)
})

const OTHERS: Readonly<Record<string, string>> = {
  'longer first lockouts': '[lockout]\nfirst = "2h"\n',
  'many ports are few': '[lockout]\nmany_ports = 2\nmany = "12h"\n',
  'a never-list': 'never = ["198.51.100.1", "198.51.100.2", "2001:db8:4::/48"]\n',
  'many share an address': '[shared]\nhold_only = ["198.51.100.0/29"]\n',
  'known clients are strangers': '[evidence]\nknown = { closed = 100, illegal = 100, window = "1h" }\n',
}

for (const [what, toml] of Object.entries(OTHERS))
  test(`other settings, as a second daemon: ${what}`, async () => {
    let changes = 0
    for (let seed = 1; seed <= 12; seed++) {
      // A dry run hands everything over, so that both hear the same.
      const first = fakeWorld()
      await play(first, `dry_run = true\n${ON}`, scans(seed))
      const second = fakeWorld()
      await play(second, `${toml}${ON}`, scans(seed))
      const { happened, would } = through(first, toml)
      assert.deepEqual(textsOf(would), textsOf(through(second, toml).happened), `seed ${seed}`)
      assert.deepEqual(sourcesIn(textsOf(would)), sourcesIn(lockedOut(second)), `seed ${seed}`)
      changes += compare(happened, would, 0).changes.length
    }
    assert.ok(changes > 0, 'the control: something is different')
  })

/**
 * The leak: what open ports answer after the offence. Each source sends one SYN to a closed port and then SYNs to
 * open ones, in one burst or a few microseconds apart; not one of those may be answered. In the end the hold is
 * taken out of the kernel: then they are, so this sender is quick enough to find a leak.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IN_VM, install, lockedOut, lockoutsOf, QUEUE } from '../support/daemon.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

/** Under emulation everything is slow: fewer do. */
const SOURCES = IN_VM ? 25 : 100
const OPEN = [22, 80, 43974]
const CLOSED = 81
/** Microseconds between the packets of a source; 0 is one burst. */
const GAPS = [0, 10, 100, 1000]

interface Family {
  readonly name: string
  readonly gate: string
  /** The i-th source of the n-th plan; IPv6 sources are each in a /64 of their own. */
  readonly source: (plan: number, i: number) => string
}

const FAMILIES: readonly Family[] = [
  { name: 'IPv4', gate: '192.0.2.1', source: (plan, i) => `198.18.${plan}.${i + 1}` },
  {
    name: 'IPv6',
    gate: '2001:db8:1::1',
    source: (plan, i) => `2001:db8:2:${plan.toString(16)}${(i + 16).toString(16)}::7`,
  },
]

/** What was accepted by the administrator, and what comes to the judge. */
const FIREWALL = `table inet filter {
  chain flypaper_input { }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    tcp dport { ${OPEN.join(', ')} } accept
    jump flypaper_input
  }
}`

const WAYS = [
  { name: 'listening, by log', settings: 'closed = "listening"\ncapture = "log"' },
  { name: 'unmatched, by log', settings: 'closed = "unmatched"\ncapture = "log"', firewall: FIREWALL },
  {
    name: 'listening, by queue',
    settings: 'closed = "listening"\ncapture = "queue"',
    options: QUEUE,
  },
] as const

for (const way of WAYS.filter(({ name }) => !IN_VM || name.endsWith('queue'))) {
  test(`no open port answers after the offence: ${way.name}`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
    await serve(gate, ...OPEN.map(port => `tcp:${port}` as const))
    using flypaperd = install(gate, way.settings, 'options' in way ? way.options : {})
    let plan = 0

    // Without the trap every one of these SYNs is answered, before and after the one to the closed port.
    for (const family of FAMILIES) {
      plan += 1
      assert.equal(await answered(scanner, family, plan, [CLOSED, ...OPEN], 0), SOURCES * OPEN.length)
    }

    if ('firewall' in way) await gate.nft(way.firewall)
    const daemon = await flypaperd.start()
    for (const family of FAMILIES) {
      for (const gap of GAPS) {
        plan += 1
        assert.equal(
          await answered(scanner, family, plan, [CLOSED, ...OPEN], gap),
          0,
          `${family.name}, ${gap} µs`,
        )
        plan += 1
        // Fresh sources that offend nobody are served as before, whoever else is locked out.
        assert.equal(await answered(scanner, family, plan, OPEN, gap), SOURCES * OPEN.length)
      }
    }
    const offenders = FAMILIES.length * GAPS.length * SOURCES
    const told = await lockoutsOf(daemon, offenders)
    assert.deepEqual([told.length, new Set(told).size], [offenders, offenders], 'one line each')
    assert.equal((await flies(gate, 'flypaper')) + (await flies(gate, 'flypaper6')), offenders)
    assert.equal(JSON.parse(await flypaperd.must('list', '--json')).length, offenders, 'one row each')

    // Asleep: awake, the daemon would put the rules back at once.
    const { pid } = JSON.parse((await flypaperd.run('status', '--json')).stdout).daemon
    process.kill(pid, 'SIGSTOP')
    await removeHold(gate)
    for (const family of FAMILIES) {
      plan += 1
      const leaked = await answered(scanner, family, plan, [CLOSED, ...OPEN], 0)
      assert.ok(leaked > 0, `${family.name}: no leak without hold, so this sender would not find one`)
    }
    process.kill(pid, 'SIGCONT')
    const all = offenders + FAMILIES.length * SOURCES
    assert.equal(await lockedOut(flypaperd, all), all, 'the daemon locks them out all the same, too late')
  })
}

/** How many SYNs to open ports got their SYN+ACK, when each source of the plan sends to these ports in turn. */
async function answered(scanner: Host, family: Family, plan: number, ports: readonly number[], gap: number) {
  const bursts = Array.from({ length: SOURCES }, (_, i) =>
    ports.map(tcp => ({ source: family.source(plan, i), destination: family.gate, tcp })),
  )
  const { answers } = await send(scanner, { bursts, gap })
  const synAcks = answers.filter(({ kind }) => kind === 'syn-ack')
  return new Set(synAcks.map(({ source, destination, detail }) => `${source} ${detail} ${destination}`)).size
}

/** The rules that hold the source in the packet that offended. */
async function removeHold(gate: Host): Promise<void> {
  const chain = await gate.must(['nft', '-a', 'list', 'chain', 'inet', 'filter', 'flypaper_offence'])
  const rules = [...chain.matchAll(/add @flypaper_hold.*# handle (\d+)/g)]
  assert.equal(rules.length, 3, chain)
  await gate.nft(
    rules.map(([, handle]) => `delete rule inet filter flypaper_offence handle ${handle}`).join('\n'),
  )
}

async function flies(gate: Host, set: string): Promise<number> {
  const listing = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
  return [...listing.matchAll(/expires/g)].length
}

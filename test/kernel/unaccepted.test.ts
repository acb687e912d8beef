/**
 * closed = "unaccepted", for this machine itself: whoever meets a rule of somebody else's firewall at a port on which
 * somebody listens hears nothing any more, from that same packet on; whoever comes to what that firewall accepts notices nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { OTHERS } from '../support/others.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const SETTINGS = 'closed = "unaccepted"\ncapture = "log"'
const OPEN = [22, 80]
/** Somebody listens, and the firewall refuses. */
const REFUSED = 81
/** Nobody listens. */
const CLOSED = 82
const SOURCES = 30
/** Microseconds between the packets of a source; 0 is one burst. */
const GAPS = [0, 100]

const FAMILIES = [
  { name: 'IPv4', gate: '192.0.2.1', source: (plan: number, i: number) => `198.18.${plan}.${i + 1}` },
  {
    name: 'IPv6',
    gate: '2001:db8:1::1',
    source: (plan: number, i: number) => `2001:db8:2:${plan.toString(16)}${(i + 16).toString(16)}::7`,
  },
]
type Family = (typeof FAMILIES)[number]

for (const other of OTHERS) {
  test(`what ${other.name} refuses is closed, what it accepts is open`, async () => {
    await using world = await makeWorld()
    const { gate, scanner } = await hosts(world)
    await serve(gate, ...[...OPEN, REFUSED].map(port => `tcp:${port}` as const))
    await other.load(gate, OPEN)
    let plan = 0
    const heard = async (family: Family, ports: readonly number[], gap = 0) => {
      plan += 1
      const bursts = Array.from({ length: SOURCES }, (_, i) =>
        ports.map(tcp => ({ source: family.source(plan, i), destination: family.gate, tcp })),
      )
      const { answers } = await send(scanner, { bursts, gap })
      const of = (...kinds: string[]) =>
        answers.filter(({ kind }) => kinds.includes(kind)).reduce((sum, { count }) => sum + count, 0)
      // Retransmitted SYN+ACKs are the same answer.
      const open = new Set(
        answers
          .filter(({ kind }) => kind === 'syn-ack')
          .map(({ destination, detail }) => `${destination} ${detail}`),
      ).size
      return { open, refusals: of('rst', 'icmp') }
    }

    for (const family of FAMILIES) {
      const { open, refusals } = await heard(family, [REFUSED, ...OPEN])
      assert.equal(open, SOURCES * OPEN.length, 'the control: without the trap')
      // The kernel limits ICMP errors by itself.
      assert.equal(refusals > 0, other.answers, 'the control: without the trap a refusal is heard')
    }

    using flypaperd = install(gate, SETTINGS)
    const daemon = await flypaperd.start()
    const offenders: string[] = []
    for (const family of FAMILIES) {
      for (const port of [REFUSED, CLOSED]) {
        for (const gap of GAPS) {
          const what = `${family.name}, port ${port}, ${gap} µs`
          assert.deepEqual(await heard(family, [port, ...OPEN], gap), { open: 0, refusals: 0 }, what)
          offenders.push(...Array.from({ length: SOURCES }, (_, i) => family.source(plan, i)))
          assert.equal((await heard(family, OPEN, gap)).open, SOURCES * OPEN.length, `${what}: innocents`)
        }
      }
    }
    const told = await lockoutsOf(daemon, offenders.length)
    assert.deepEqual(
      told.map(hostOf).sort(),
      offenders.map(hostOf).sort(),
      'each of them once, and nobody else',
    )
    assert.match(daemon.output(), /lockout 198\.18\.3\.1, who tried TCP-port 81, for 10m/)
    for (const [set, six] of [
      ['flypaper_passing', false],
      ['flypaper_passing6', true],
    ] as const)
      assert.equal(await size(gate, set), 0, `${set}: what was judged is forgotten ${six}`)
  })
}

/** The /64 is the fly. */
function hostOf(source: string): string {
  return source.includes(':') ? source.replace(/::7$|::\/64$/, '') : source
}

async function size(gate: Host, set: string): Promise<number> {
  const listing = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
  return [...listing.matchAll(/expires/g)].length
}

async function hosts(world: Awaited<ReturnType<typeof makeWorld>>) {
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  return { gate, scanner }
}

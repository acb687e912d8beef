/**
 * What this kernel itself would answer about protocols: neither tells a scanner what is spoken here. The packets are not dropped, since programs with
 * raw sockets, which no rule sees, take them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { firewall } from '../support/scanning.ts'
import { type Association, fromClient, fromServer } from '../support/sctp.ts'
import { send } from '../support/sender.ts'
import { GREETING_S, serve } from '../support/server.ts'
import { answersTo, BEHIND, GATE, hosts } from '../support/silence.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const MODES = [
  { closed: 'listening', rules: '' },
  // Whoever accepts it lets the kernel answer.
  { closed: 'unmatched', rules: firewall('meta l4proto != { tcp, udp }') },
  { closed: 'unaccepted', rules: firewall('meta l4proto != { tcp, udp }') },
] as const

/** IPIP, IPv6 in IP, GRE, ESP, L2TPv3, SCTP, MPLS: this kernel, or this namespace, speaks some of them. */
const PROTOCOLS = [4, 41, 47, 50, 115, 132, 137].map(protocol => ({ protocol, data: 'x'.repeat(40) }))

async function loud(gate: Host): Promise<void> {
  for (const path of ['net/ipv4/icmp_ratelimit', 'net/ipv6/icmp/ratelimit']) await gate.sysctl(path, 0)
}

for (const { closed, rules } of MODES)
  test(`${closed}: no word about protocols that nobody speaks here, and the packets arrive`, async () => {
    await using world = await makeWorld()
    const { gate, sender, behind } = await hosts(world)
    for (const host of [gate, behind]) await loud(host)
    if (rules !== '') await gate.nft(rules)
    const heard = async (targets = GATE) => new Set((await answersTo(sender, targets, PROTOCOLS)).kinds)
    assert.ok((await heard()).has('icmp'), 'the control: without the trap')

    using flypaperd = install(gate, `closed = "${closed}"\ncapture = "log"\nnever = ["198.51.100.250"]`)
    const daemon = await flypaperd.start()
    await gate.nft(`table inet seen {
  counter arrived { }
  chain input {
    type filter hook input priority 450
    meta l4proto { ${PROTOCOLS.map(({ protocol }) => protocol).join(', ')} } counter name arrived
  }
}`)
    assert.deepEqual([...(await heard())], ['nothing'])
    const arrived = await gate.must(['nft', 'list', 'counter', 'inet', 'seen', 'arrived'])
    assert.match(arrived, new RegExp(`packets ${PROTOCOLS.length * 2} `), 'raw sockets get them all')
    assert.deepEqual(lockouts(daemon), [], 'a peer that lost its state is no scanner')
    for (const set of ['flypaper_hold', 'flypaper_hold6']) assert.deepEqual(await listed(gate, set), [])

    // Whom the settings name hears it, and what another host says of itself goes through.
    const spared = { source: '198.51.100.250', destination: GATE[0]!, ...PROTOCOLS[2]! }
    assert.equal((await send(sender, { bursts: [[spared]] })).answers[0]?.kind, 'icmp')
    if (closed === 'listening') assert.ok((await heard(BEHIND)).has('icmp'), 'forwarded')

    // The control: a protocol that nothing is known for is a scan, unless it is accepted, and so is a closed port.
    const scan = closed === 'listening' ? { protocol: 200, data: 'x'.repeat(40) } : { tcp: 999 }
    await answersTo(sender, [GATE[0]!], [scan])
    assert.equal((await lockoutsOf(daemon, 1)).length, 1)
  })

for (const checksum of [0, 1])
  test(`SCTP: nobody hears that a port is closed, and associations are ended aloud, nf_conntrack_checksum ${checksum}`, async () => {
    await using world = await makeWorld()
    const { gate, sender } = await hosts(world)
    // Without it conntrack knows the packets; with it they are damaged.
    await gate.sysctl('net/netfilter/nf_conntrack_checksum', checksum)
    let clients = 0
    const association = (six: boolean): Association => {
      clients += 1
      const client = six ? `2001:db8:52:${clients}::7` : `198.51.102.${clients}`
      return { client, server: GATE[six ? 1 : 0]!, port: 3868 }
    }
    const said = saidBetween(gate, sender)
    for (const six of [false, true]) assert.equal(await said(association(six), 'init', 'abort'), 1)

    using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
    await flypaperd.start()
    for (const six of [false, true]) {
      assert.equal(await said(association(six), 'init', 'abort'), 0, 'closed')
      assert.equal(await said(association(six), 'init', 'init-ack'), 1, 'open')
      if (checksum === 1) continue
      const whole = ['init', 'init-ack', 'cookie-echo', 'cookie-ack', 'abort'] as const
      assert.equal(await said(association(six), ...whole), 3, 'an association that is ended')
    }
  })

test('SCTP: a known client hears that his old association is gone, and not which protocols are spoken here', async () => {
  await using world = await makeWorld()
  const { gate, sender } = await hosts(world)
  await loud(gate)
  await gate.sysctl('net/netfilter/nf_conntrack_checksum', 0)
  await serve(gate, 'tcp:22')
  const said = saidBetween(gate, sender)
  using flypaperd = install(gate, 'closed = "listening"\ncapture = "log"')
  await flypaperd.start()
  for (const six of [false, true]) {
    const server = GATE[six ? 1 : 0]!
    const [known, stranger] = six
      ? (['2001:db8:53:1::7', '2001:db8:53:2::7'] as const)
      : (['198.51.103.1', '198.51.103.2'] as const)
    await sender.must(['ip', 'address', 'add', known, 'dev', 'lo'])
    const greeting = await sender.run(['nc', '-N', '-w', GREETING_S, '-s', known, server, '22'], {
      input: 'x\n',
    })
    assert.match(greeting.stdout, /port 22/)
    await eventually(
      'he is known',
      async () => (await listed(gate, `flypaper_known${six ? 6 : ''}`)).length > 0,
    )
    assert.equal(await said({ client: stranger, server, port: 3868 }, 'init', 'abort'), 0, 'the control')
    assert.equal(await said({ client: known, server, port: 3868 }, 'init', 'abort'), 1)
    const { answers } = await send(sender, {
      bursts: PROTOCOLS.map(protocol => [{ source: known, destination: server, ...protocol }]),
    })
    assert.deepEqual(
      answers.filter(({ destination }) => destination === known),
      [],
    )
  }
})

/** How many of the server's chunks reach the client, who says his at the same time. */
function saidBetween(gate: Host, sender: Host) {
  return async (one: Association, ...chunks: readonly Parameters<typeof fromServer>[1][]) => {
    const tag = `table inet seen { chain input { type filter hook prerouting priority -500
      ${one.server.includes(':') ? 'ip6' : 'ip'} daddr ${one.client} meta l4proto sctp counter; }\n}`
    await sender.nft(tag)
    for (const chunk of chunks) {
      if (['init', 'cookie-echo'].includes(chunk))
        await send(sender, { bursts: [[fromClient(one, chunk)]], wait: 0 })
      else await send(gate, { bursts: [[fromServer(one, chunk)]], wait: 50 }).catch(dropped)
    }
    const text = await sender.must(['nft', 'list', 'table', 'inet', 'seen'])
    await sender.nft('delete table inet seen')
    return Number(/packets (\d+)/.exec(text)?.[1])
  }
}

/** Whose packet is dropped on its way out hears EPERM. */
function dropped(error: Error): void {
  if (!/errno 1$/m.test(error.message)) throw error
}

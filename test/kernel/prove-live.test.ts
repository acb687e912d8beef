/** The proof of a living machine, which a namespace plays: what is cloned, who is an innocent, and that nothing of it is changed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Installation, install } from '../support/daemon.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { firewall } from '../support/scanning.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

const GUEST = '203.0.113.5'

async function machine(world: World, addresses: readonly string[], gateways: readonly string[]) {
  const [host, around] = [await world.host('machine'), await world.host('around')]
  const names = { a: 'eth0', b: 'eth0' }
  await world.link(host, around, { a: addresses, b: gateways, names })
  for (const gateway of gateways)
    await host.route(gateway.includes(':') ? '::/0' : '0.0.0.0/0', gateway.split('/')[0]!)
  return { host, around }
}

/** What `prove` says of it, and what it has left on it. */
async function proofOf(host: Host, flypaperd: Installation) {
  const look = async () => {
    const command = 'nft -t list ruleset; ip -o link; ip -o addr; ip route; ip -6 route'
    return (await host.must(['sh', '-c', command])).replace(/ \d+sec\b/g, '')
  }
  const before = await look()
  const command = [
    process.execPath,
    FLYPAPERD,
    'prove',
    '--json',
    '--settings',
    join(flypaperd.directory, 'flypaperd.toml'),
  ]
  const { code, stdout, stderr } = await host.run(command, { timeout: 120_000 })
  assert.ok(code <= 1, stderr)
  assert.equal(await look(), before)
  return { code, ...JSON.parse(stdout) }
}

type Scanned = { scan: string; family: number; control: string[]; found: string[]; isLeak: boolean }
const foundBy = (scan: string, { scans }: { scans: Scanned[] }) =>
  scans.filter(one => one.scan === scan).map(({ family, control, found }) => [family, control, found])

/** A client that stays connected. */
const STAY = `require('node:net').connect({ host: process.argv[1], port: 22, localAddress: process.argv[2] })
  .on('data', () => console.log('connected'))`

test('a machine whose trap is armed, with somebody who is connected: he is an innocent, and the living trap is no control', async () => {
  await using world = await makeWorld()
  const { host, around } = await machine(
    world,
    ['192.0.2.1/24', '2001:db8:1::1/64'],
    ['192.0.2.254/24', '2001:db8:1::fe/64'],
  )
  await around.must(['ip', 'address', 'add', `${GUEST}/32`, 'dev', 'lo'])
  await host.nft(firewall('tcp dport { 22, 443 }', 'udp dport 53'))
  await serve(host, 'tcp:22', 'tcp:443', 'udp:53')
  const guest = await around.start([process.execPath, '-e', STAY, '192.0.2.1', GUEST])
  await guest.says(/connected/)
  using flypaperd = install(host)
  await flypaperd.start()
  const proof = await proofOf(host, flypaperd)
  assert.deepEqual([proof.code, proof.kept], [0, true])
  assert.deepEqual(
    foundBy('SYN', proof),
    [4, 6].map(family => [family, ['tcp/22', 'tcp/443'], []]),
  )
  assert.deepEqual(
    foundBy('UDP', proof),
    [4, 6].map(family => [family, ['udp/53'], []]),
  )
  const present = proof.clients.filter(({ who }: { who: string }) => who.includes(GUEST))
  assert.deepEqual(
    present.map(({ service, trapped }: Record<string, string>) => [service, trapped]),
    [['tcp/22', 'served']],
  )
  assert.deepEqual(
    JSON.parse(await flypaperd.must('list', '--json')),
    [],
    'nobody of the proof sticks on the machine',
  )
})

test('planted: the administrator is connected to a port that his rules refuse to new connections', async () => {
  await using world = await makeWorld()
  const { host, around } = await machine(world, ['192.0.2.1/24'], ['192.0.2.254/24'])
  await around.must(['ip', 'address', 'add', `${GUEST}/32`, 'dev', 'lo'])
  // As by DHCP and router advertisements: what runs out by itself is no change.
  const expiring = 'valid_lft 9000 preferred_lft 9000'
  await host.must(['sh', '-c', `ip address replace 192.0.2.7/24 dev eth0 ${expiring}`])
  await host.must(['sh', '-c', `ip -6 address add 2001:db8:7::7/64 dev eth0 nodad ${expiring}`])
  await host.must(['sh', '-c', 'ip -6 route add 2001:db8:8::/64 dev eth0 expires 9000'])
  await serve(host, 'tcp:22', 'tcp:443')
  const guest = await around.start([process.execPath, '-e', STAY, '192.0.2.1', GUEST])
  await guest.says(/connected/)
  await host.nft(firewall('tcp dport 443'))
  using flypaperd = install(host, 'closed = "unmatched"')
  const proof = await proofOf(host, flypaperd)
  assert.deepEqual([proof.code, proof.kept], [1, false])
  assert.doesNotMatch(proof.missing.join('\n'), /changed meanwhile/)
  assert.deepEqual(
    proof.clients
      .filter(({ isHurt }: { isHurt: boolean }) => isHurt)
      .map(({ who, service, isStuck }: Record<string, unknown>) => [who, service, isStuck]),
    [[`connected now: ${GUEST}`, 'tcp/22', true]],
  )
})

test('a router with DNAT, masquerade and containers, and a machine of IPv6 alone', async () => {
  await using world = await makeWorld()
  await using other = await makeWorld()
  const router = await machine(world, ['192.0.2.1/24'], ['192.0.2.254/24'])
  await router.host.must([
    'sh',
    '-c',
    `ip link add docker0 type bridge && ip link add veth1 type veth peer name veth2 &&
     ip link set veth1 master docker0 up && ip link set docker0 up && ip link set veth2 up &&
     ip address add 172.17.0.1/16 dev docker0`,
  ])
  await router.host.forward()
  await router.host.nft(`${firewall('tcp dport 22')}
table ip nat {
  chain before {
    type nat hook prerouting priority dstnat
    iifname "eth0" tcp dport 8080 dnat to 172.17.0.2:80
  }
  chain after {
    type nat hook postrouting priority srcnat
    ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
  }
}`)
  const six = await machine(other, ['2001:db8:1::1/64'], ['2001:db8:1::fe/64'])
  for (const { host } of [router, six]) await serve(host, 'tcp:22')
  using onRouter = install(router.host)
  using onSix = install(six.host)
  const [routed, alone] = await Promise.all([proofOf(router.host, onRouter), proofOf(six.host, onSix)])
  assert.deepEqual([routed.code, routed.kept, alone.code, alone.kept], [0, true, 0, true])
  assert.deepEqual(foundBy('SYN', routed), [[4, ['tcp/22'], []]])
  assert.deepEqual(foundBy('SYN', alone), [[6, ['tcp/22'], []]])
  assert.match(routed.missing.join('\n'), /^Hosts that connections are translated to/m)
})

/** The proof of a living machine, which a namespace plays: what is cloned, who is an innocent, and that nothing of it is changed. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SETS_MAX } from '../../src/system/live-rules.ts'
import { install } from '../support/daemon.ts'
import { descendants } from '../support/descendants.ts'
import { eventually } from '../support/eventually.ts'
import { command, foundBy, GUEST, hurtIn, machine, proofOf, stayConnected } from '../support/proving.ts'
import { firewall } from '../support/scanning.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

test('a machine whose trap is armed, with somebody who is connected: he is an innocent, and the living trap is no control', async () => {
  await using world = await makeWorld()
  const { host, around } = await machine(
    world,
    ['192.0.2.1/24', '2001:db8:1::1/64'],
    ['192.0.2.254/24', '2001:db8:1::fe/64'],
  )
  await host.nft(firewall('tcp dport { 22, 443 }', 'udp dport 53'))
  await serve(host, 'tcp:22', 'tcp:443', 'udp:53')
  await stayConnected(around, GUEST, '192.0.2.1', 22)
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
  const present = proof.clients.filter(({ who }) => who.includes(GUEST))
  assert.deepEqual(
    present.map(({ service, trapped }) => [service, trapped]),
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
  // As by DHCP and router advertisements: what runs out by itself is no change.
  const expiring = 'valid_lft 9000 preferred_lft 9000'
  await host.must(['sh', '-c', `ip address replace 192.0.2.7/24 dev eth0 ${expiring}`])
  await host.must(['sh', '-c', `ip -6 address add 2001:db8:7::7/64 dev eth0 nodad ${expiring}`])
  await host.must(['sh', '-c', 'ip -6 route add 2001:db8:8::/64 dev eth0 expires 9000'])
  await serve(host, 'tcp:22', 'tcp:443')
  await stayConnected(around, GUEST, '192.0.2.1', 22)
  await host.nft(firewall('tcp dport 443'))
  using flypaperd = install(host, 'closed = "unmatched"')
  const proof = await proofOf(host, flypaperd)
  assert.deepEqual([proof.code, proof.kept], [1, false])
  assert.doesNotMatch(proof.missing.join('\n'), /changed meanwhile/)
  assert.deepEqual(hurtIn(proof), [`connected now: ${GUEST} tcp/22 stuck`])
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
}
table inet behind {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    tcp dport 80 accept
  }
}`)
  const six = await machine(other, ['2001:db8:1::1/64'], ['2001:db8:1::fe/64'])
  await six.host.must(['ip6tables-nft-restore'], { input: SIX })
  for (const { host } of [router, six]) await serve(host, 'tcp:22')
  using onRouter = install(router.host)
  using onSix = install(six.host)
  const [routed, alone] = await Promise.all([proofOf(router.host, onRouter), proofOf(six.host, onSix)])
  assert.deepEqual([routed.code, routed.kept, alone.code, alone.kept], [0, true, 0, true])
  assert.deepEqual(foundBy('SYN', routed), [[4, ['tcp/22', 'tcp/8080'], []]])
  assert.deepEqual(foundBy('SYN behind', routed), [[4, ['tcp/80'], []]])
  assert.deepEqual(foundBy('SYN', alone), [[6, ['tcp/22'], []]])
  assert.match(routed.missing.join('\n'), /^Hosts behind it: stand-ins answer for 172\.17\.0\.2\.$/m)
})

/** With a match that nft lists and cannot load. */
const SIX = `*filter
:INPUT DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmpv6 -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`

const FLIES = 100_000

test('flies by the hundred thousand are not listed; and rules that somebody changes meanwhile are told', async () => {
  await using world = await makeWorld()
  const { host } = await machine(world, ['192.0.2.1/24'], ['192.0.2.254/24'])
  await host.nft(
    firewall('tcp dport 22', 'tcp dport @mine').replace(
      '{',
      '{ set mine { type inet_service; elements = { 443 } }',
    ),
  )
  const sets = Array.from({ length: SETS_MAX }, (_, i) => `set s${i} { type inet_service; }`)
  await host.nft(`table ip many {\n${sets.join('\n')}\n}`)
  await serve(host, 'tcp:22', 'tcp:443')
  using flypaperd = install(host)
  const daemon = await flypaperd.start()
  await daemon.stop('SIGKILL')
  const flies = Array.from(
    { length: FLIES },
    (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} timeout 1h`,
  )
  await host.nft(`add element inet filter flypaper { ${flies.join(', ')} }`)
  await host.must(['nft', 'get', 'element', 'inet', 'filter', 'flypaper', '{ 10.0.0.7 }'])

  const [programs, listed] = ['bin', 'listed'].map(name => join(flypaperd.directory, name)) as [
    string,
    string,
  ]
  mkdirSync(programs)
  writeFileSync(join(programs, 'nft'), TEE, { mode: 0o755 })
  const env = { PATH: `${programs}:${process.env.PATH}` }
  const proving = await host.start(command(flypaperd), { env })
  const isScanning = () => [...descendants(proving.pid).values()].some(line => /in-clone.* send/.test(line))
  await eventually('it scans', isScanning, 60_000)
  await host.nft('add table ip somebodys')
  const { code, stdout, stderr } = await proving.ended
  assert.equal(code, 0, stderr)
  const proof = JSON.parse(stdout)
  assert.deepEqual(
    foundBy('SYN', proof),
    [[4, ['tcp/22', 'tcp/443'], []]],
    'what is in the set of others is cloned',
  )
  assert.match(proof.missing.join('\n'), /^What was changed meanwhile: rules/m)
  assert.match(proof.missing.join('\n'), /^Sets and maps: what is in 1 of them\.$/m)
  const text = readFileSync(listed, 'utf8')
  assert.match(text, /elements = \{ 443 \}/)
  assert.doesNotMatch(text, /\b10\.0\.0\.7\b/)
})

/** nft, and what it says is written down. */
const TEE = `#!/bin/sh
exec 3>&1
exit $( { { PATH=\${PATH#*:} nft "$@" 4>&-; echo $? >&4; } | tee -a "\${0%/*}/../listed" >&3; } 4>&1 )
`

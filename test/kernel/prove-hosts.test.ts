/** The proof of machines of all kinds: each keeps its word, and what is planted is found. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { withoutRulesLike } from '../mutants/rules.ts'
import { breakIn, copyCheckout } from '../support/copy.ts'
import { install } from '../support/daemon.ts'
import { GUEST, GUEST6, hurtIn, leaksIn, machine, proofOf, stayConnected } from '../support/proving.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld, type World } from '../support/world.ts'

/** Somebody listens there, and no rule allows it. */
const REFUSED = 3306

interface Kind {
  readonly addresses?: readonly string[]
  readonly gateways?: readonly string[]
  load(host: Host): Promise<unknown>
  /** What strangers reach, by each family. */
  readonly open: readonly string[]
  /** Whether it tells the trap, in the mode of its choice, that what it refuses is closed. */
  readonly isRefusalEvidence?: false
  readonly behind?: readonly string[]
}

const INPUT = `chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iif "lo" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    tcp dport { 22, 80 } accept
  }`
const BOTH = ['tcp/22', 'tcp/80']

/** As ufw has them: nft cannot load what it lists of these. */
const ufw = (icmp: string) => `*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
:ufw-before - 
:ufw-user - 
-A INPUT -j ufw-before
-A INPUT -j ufw-user
-A ufw-before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before -m conntrack --ctstate INVALID -j DROP
${icmp}
-A ufw-before -p tcp --dport 23 -m recent --name ufw --update --seconds 30 --hitcount 6 -j DROP
-A ufw-user -p tcp -m multiport --dports 22,80 -m comment --comment "a & b" -j ACCEPT
COMMIT
`
const ECHO = '-A ufw-before -p icmp --icmp-type echo-request -j ACCEPT'
const ND = [133, 134, 135, 136].map(
  type => `-A ufw-before -p icmpv6 -m icmp6 --icmpv6-type ${type} -m hl --hl-eq 255 -j ACCEPT`,
)

async function restore(host: Host, program: string, input: string): Promise<void> {
  await host.must([program], { input })
}

const BRIDGE = `ip link add docker0 type bridge && ip link add veth1 type veth peer name veth2 &&
  ip link set veth1 master docker0 up && ip link set docker0 up && ip link set veth2 up &&
  ip address add 172.17.0.1/16 dev docker0`
/** What dockerd makes of a published port. */
const DOCKER_NAT = `*nat
:PREROUTING ACCEPT
:INPUT ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
:DOCKER -
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`
const ROUTER = `table inet filter {
  ${INPUT}
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct status dnat accept
  }
}
table ip nat {
  chain before {
    type nat hook prerouting priority dstnat;
    iifname "eth0" tcp dport 8080 dnat to 172.17.0.2:80
  }
  chain after {
    type nat hook postrouting priority srcnat;
    oifname "eth0" masquerade
  }
}`
const TENS = Array.from({ length: 10 }, (_, i) => i)
const MANY = `table inet filter {
  ${INPUT}
  ${TENS.map(i => `chain c${i} {\n${rules(i)}\n}`).join('\n')}
  chain many {
    type filter hook input priority -5
    ${TENS.map(i => `jump c${i}`).join('\n')}
  }
}`
const DUAL = {
  addresses: ['192.0.2.1/24', '2001:db8:1::1/64'],
  gateways: ['192.0.2.254/24', '2001:db8:1::fe/64'],
}

const KINDS: Readonly<Record<string, Kind>> = {
  'a plain host': {
    load: async () => {},
    open: [...BOTH, `tcp/${REFUSED}`],
    isRefusalEvidence: false,
  },
  'a policy of drop': {
    load: host => host.nft(`table inet own {\n${INPUT}\n}`),
    open: BOTH,
  },
  ufw: {
    async load(host) {
      await restore(host, 'iptables-nft-restore', ufw(ECHO))
      await restore(host, 'ip6tables-nft-restore', ufw(ND.join('\n')))
    },
    open: BOTH,
  },
  'iptables-legacy': {
    async load(host) {
      await restore(host, 'iptables-legacy-restore', ufw(ECHO))
      await restore(host, 'ip6tables-legacy-restore', ufw(ND.join('\n')))
    },
    open: BOTH,
    isRefusalEvidence: false,
  },
  firewalld: {
    async load(host) {
      const recorded = join(import.meta.dirname, '../doctor/recorded/firewalld.listing')
      await host.must(['nft', '-j', '-f', recorded])
    },
    open: ['tcp/22'],
  },
  'a router with DNAT and masquerade': {
    async load(host) {
      await host.must(['sh', '-c', BRIDGE])
      await host.forward()
      await host.nft(ROUTER)
    },
    open: [...BOTH, 'tcp/8080'],
    // What is not translated is not let through.
    behind: [],
  },
  Docker: {
    async load(host) {
      await host.must(['sh', '-c', BRIDGE])
      await host.forward()
      await restore(host, 'iptables-nft-restore', DOCKER_NAT)
    },
    addresses: ['192.0.2.1/24'],
    gateways: ['192.0.2.254/24'],
    open: [...BOTH, 'tcp/8080'],
    behind: ['tcp/80'],
  },
  'a host with 500 rules': {
    load: host => host.nft(MANY),
    open: BOTH,
  },
  'a host of IPv6 alone': {
    load: host => host.nft(`table ip6 own {\n${INPUT}\n}`),
    addresses: ['2001:db8:1::1/64'],
    gateways: ['2001:db8:1::fe/64'],
    open: BOTH,
  },
}

function rules(i: number): string {
  const all = Array.from(
    { length: 50 },
    (_, j) => `ip saddr 10.${i}.${j}.0/24 tcp dport ${1000 + j} counter drop`,
  )
  return all.join('\n')
}

/** Ports that lead to an open one: whoever scans them finds all of them, and does not stick. */
const TOO_MUCH = `table inet planted {
  chain before {
    type nat hook prerouting priority dstnat - 1
    tcp dport 1-65535 redirect to :22
  }
}`

async function build(
  world: World,
  { addresses, gateways, load }: Kind,
  then: (around: Host) => Promise<void>,
) {
  const { host, around } = await machine(world, addresses ?? DUAL.addresses, gateways ?? DUAL.gateways)
  await serve(host, 'tcp:22', 'tcp:80', `tcp:${REFUSED}`)
  await then(around)
  await load(host)
  return host
}

async function kept(kind: Kind): Promise<void> {
  await using world = await makeWorld()
  const host = await build(world, kind, async () => {})
  using flypaperd = install(host)
  const proof = await proofOf(host, flypaperd)
  assert.deepEqual([proof.code, leaksIn(proof), hurtIn(proof)], [0, [], []])
  for (const { scan, family, control, found } of proof.scans.filter(one => /^SYN|connect/.test(one.scan))) {
    const open =
      scan === 'SYN behind' ? kind.behind : kind.open.filter(port => family === 4 || port !== 'tcp/8080')
    assert.deepEqual([control, found], [open, []], `${scan} ${family}`)
  }
}

async function tooMuch(kind: Kind): Promise<void> {
  await using world = await makeWorld()
  const host = await build(world, kind, async () => {})
  await host.nft(TOO_MUCH)
  using flypaperd = install(host)
  const proof = await proofOf(host, flypaperd)
  assert.equal(proof.code, 1)
  const families = [4, 6].filter(family =>
    (kind.addresses ?? DUAL.addresses).some(one => one.includes(':') === (family === 6)),
  )
  assert.deepEqual(
    leaksIn(proof).filter(leak => /^(SYN|connect) \d/.test(leak)),
    ['SYN', 'connect'].flatMap(scan => families.map(family => `${scan} ${family}`)),
  )
}

/** He was connected before the rules were as they are. */
async function connected(kind: Kind): Promise<void> {
  await using world = await makeWorld()
  const addresses = kind.addresses ?? DUAL.addresses
  const [to] = addresses[0]!.split('/') as [string]
  const guest = to.includes(':') ? GUEST6 : GUEST
  const host = await build(world, kind, async around => await stayConnected(around, guest, to, REFUSED))
  using flypaperd = install(host)
  const proof = await proofOf(host, flypaperd)
  const hurt = kind.isRefusalEvidence === false ? [] : [`connected now: ${guest} tcp/${REFUSED} stuck`]
  assert.deepEqual([proof.code, leaksIn(proof), hurtIn(proof)], [hurt.length, [], hurt])
  assert.equal(proof.clients.filter(({ who }) => who.includes(guest)).length, 1)
}

for (const [name, kind] of Object.entries(KINDS))
  test(`${name}: kept; planted: an accept too much, an innocent that would stick`, async () => {
    const all = await Promise.allSettled([kept, tooMuch, connected].map(prove => prove(kind)))
    for (const one of all) if (one.status === 'rejected') throw one.reason
  })

test('planted: no hold rule', async () => {
  await using world = await makeWorld()
  using copy = copyCheckout()
  breakIn(copy.directory, withoutRulesLike('', 'flypaper_offence', /add @flypaper_hold6? /, ''))
  const host = await build(world, KINDS['a router with DNAT and masquerade']!, async () => {})
  using flypaperd = install(host)
  const proof = await proofOf(host, flypaperd, join(copy.directory, 'src/main.ts'))
  assert.equal(proof.code, 1)
  assert.deepEqual(
    leaksIn(proof).filter(leak => leak.startsWith('burst')),
    ['burst 4', 'burst 6'],
  )
})

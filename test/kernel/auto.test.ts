/**
 * closed = "auto" beside managers whose rules come after the start: it follows within seconds, says so once, and no client of what they publish is
 * locked out, whenever he comes. Docker, libvirt and firewalld are played by the rules that they make, in the transactions in which they make them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, lockoutsOf } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const CONTAINER = '172.17.0.2'
const PUBLISHED = 8080
/** Somebody listens, and strict rules refuse it. */
const REFUSED = 3306
const STRICT = `table inet theirs {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport 22 accept
  }
}`

async function hosts() {
  const world = await makeWorld()
  const [gate, sender, container] = (await Promise.all(
    ['gate', 'sender', 'container'].map(name => world.host(name)),
  )) as [Host, Host, Host]
  await world.link(gate, sender, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await world.link(gate, container, {
    a: ['172.17.0.1/16'],
    b: [`${CONTAINER}/16`],
    names: { a: 'docker0', b: 'eth0' },
  })
  await gate.forward()
  await gate.route('default', '192.0.2.9')
  await sender.route('172.17.0.0/16', GATE)
  await container.route('default', '172.17.0.1')
  await serve(gate, 'tcp:22', `tcp:${REFUSED}`)
  await serve(container, 'tcp:80')
  let sources = 0
  /** One SYN from a fresh source; what it was answered. */
  const tries = async (tcp: number, destination = GATE) => {
    sources += 1
    const source = `198.51.100.${sources}`
    const { answers } = await send(sender, { bursts: [[{ source, destination, tcp }]], wait: 200 })
    return { source, heard: answers.map(({ kind }) => kind)[0] ?? 'nothing' }
  }
  return { world, gate, tries }
}

type Tries = Awaited<ReturnType<typeof hosts>>['tries']

/** Each step is a transaction of its own; whoever comes after it is a client of what is published, or will be in a moment. */
async function isWritten(
  gate: Host,
  tries: Tries,
  steps: readonly (readonly string[])[],
  isPublished: (step: number) => boolean,
): Promise<void> {
  for (const [i, step] of steps.entries()) {
    await gate.must(step)
    if (isPublished(i)) for (let client = 0; client < 3; client++) await tries(PUBLISHED)
  }
}

const iptables = (...lines: string[]) => lines.map(line => ['iptables-nft', ...line.split(' ')])
/** dockerd 20.10, with a container that publishes a port: the order in which it runs iptables. */
const DOCKER = iptables(
  '-P FORWARD DROP',
  '-t nat -N DOCKER',
  '-N DOCKER',
  '-N DOCKER-ISOLATION-STAGE-1',
  '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
  `-t nat -A DOCKER ! -i docker0 -p tcp --dport ${PUBLISHED} -j DNAT --to-destination ${CONTAINER}:80`,
  '-I FORWARD -o docker0 -j DOCKER',
  '-I FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  `-A DOCKER -d ${CONTAINER} ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT`,
  '-I FORWARD -i docker0 ! -o docker0 -j ACCEPT',
)
const PUBLISHES_FROM = 5

/** It takes some five seconds, ten the second time, and a look before them; a busy machine has patience. */
const PATIENCE_MS = 60_000

const said = (output: string) => [...output.matchAll(/the firewall has changed.*/g)].map(([line]) => line)

test('Docker comes after the start: auto follows, and no client of a published port is locked out', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "listening", since no rule here refuses/)
  await isWritten(gate, tries, DOCKER, step => step >= PUBLISHES_FROM)
  const clients: string[] = []
  const follows = daemon.says(
    /the firewall has changed: closed = "auto" takes "unaccepted", since table ip filter/,
    PATIENCE_MS,
  )
  let isFollowed = false
  void follows.then(() => {
    isFollowed = true
  })
  while (!isFollowed) clients.push((await tries(PUBLISHED)).heard)
  for (let i = 0; i < 3; i++) clients.push((await tries(PUBLISHED)).heard)
  assert.deepEqual([...new Set(clients)], ['syn-ack'], 'right after the rules, and until auto has followed')
  assert.deepEqual(lockouts(daemon), [])
  assert.match(await flypaperd.must('status'), /closed is what nobody accepts, by "auto"\)/)

  const scanner = await tries(3000, CONTAINER)
  assert.deepEqual(await lockoutsOf(daemon, 1), [scanner.source], 'what is not published')
  await sleep(4000)
  assert.equal(said(daemon.output()).length, 1, 'said once')
})

test('Docker comes while the trap is armed with "unaccepted": who is refused between two of its rules is not locked out', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  await gate.nft(STRICT)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "unaccepted"/)
  const before = await tries(REFUSED)
  assert.deepEqual(await lockoutsOf(daemon, 1), [before.source], 'the control: before')
  await isWritten(gate, tries, DOCKER, step => step >= PUBLISHES_FROM)
  // Longer than the daemon needs to judge whoever was refused.
  for (let i = 0; i < 5; i++) assert.equal((await tries(PUBLISHED)).heard, 'syn-ack')
  assert.deepEqual(lockouts(daemon), [before.source])
  await sleep(5000)
  const scanner = await tries(3000, CONTAINER)
  assert.deepEqual(await lockoutsOf(daemon, 2), [before.source, scanner.source], 'the control: at rest')
  assert.deepEqual(said(daemon.output()), [], 'it is the same mode')
})

test('libvirt comes after the start, and goes: auto follows, and warns when it sees less', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "listening"/)
  // libvirt 10.6, nftables backend: one transaction for each network.
  await gate.nft(`table ip libvirt_network {
    chain forward { type filter hook forward priority filter; policy accept; jump guest_input; }
    chain guest_input {
      oif "docker0" ip daddr 172.17.0.0/16 ct state related,established accept
      oif "docker0" reject
    }
  }`)
  await daemon.says(
    /firewall has changed: closed = "auto" takes "unaccepted", since table ip libvirt_network refuses/,
    PATIENCE_MS,
  )
  const scanner = await tries(80, CONTAINER)
  assert.deepEqual([scanner.heard, await lockoutsOf(daemon, 1)], ['nothing', [scanner.source]])
  await gate.must(['nft', 'delete', 'table', 'ip', 'libvirt_network'])
  await daemon.says(
    /firewall has changed: .*takes "listening", since no rule .*sees less than "unaccepted"/,
    PATIENCE_MS,
  )
  assert.match(daemon.output(), /<4>the firewall has changed: .*"listening"/, 'a warning')
  assert.match(await flypaperd.must('status', '--json'), /"closed":"listening"/)
})

test('firewalld is restarted: nothing is said of the moment without rules, and of its own changes neither', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  const table = STRICT.replace('theirs', 'firewalld')
  await gate.nft(table)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "unaccepted", since table inet firewalld/)
  await gate.must(['nft', 'delete', 'table', 'inet', 'firewalld'])
  await sleep(3500)
  assert.match(await flypaperd.must('status', '--json'), /"closed":"unaccepted"/)
  await gate.nft(table)
  await sleep(6000)
  assert.deepEqual(said(daemon.output()), [])
  const scanner = await tries(REFUSED)
  assert.deepEqual(await lockoutsOf(daemon, 1), [scanner.source])
  await flypaperd.must('lock', '203.0.113.9')
  await sleep(1000)
  assert.deepEqual(said(daemon.output()), [])
})

test('a rule that lets packets wait: back to listening at once, and to the other when it is gone', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  await gate.nft(STRICT)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/closed = "auto" takes "unaccepted"/)
  const first = await tries(REFUSED)
  assert.deepEqual(await lockoutsOf(daemon, 1), [first.source])

  const queue = ['INPUT', '-p', 'udp', '--dport', '9999', '-j', 'NFQUEUE', '--queue-num', '7']
  await gate.must(['iptables-nft', '-A', ...queue])
  await daemon.says(
    /<4>the firewall has changed: .*takes "listening", since a rule in chain INPUT .*NFQUEUE/,
    PATIENCE_MS,
  )
  await tries(REFUSED)
  const third = await tries(81)
  assert.deepEqual(await lockoutsOf(daemon, 2), [first.source, third.source])

  await gate.must(['iptables-nft', '-D', ...queue])
  await daemon.says(/the firewall has changed: closed = "auto" takes "unaccepted"/, PATIENCE_MS)
  const fourth = await tries(REFUSED)
  assert.deepEqual(await lockoutsOf(daemon, 3), [first.source, third.source, fourth.source])
  assert.equal(said(daemon.output()).length, 2)
})

test('a mode that the settings name stays, whatever comes', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  using flypaperd = install(gate, 'closed = "listening"')
  const daemon = await flypaperd.start()
  await gate.nft(STRICT)
  await sleep(6500)
  await tries(REFUSED)
  assert.match(await flypaperd.must('status', '--json'), /"closed":"listening"/)
  const scanner = await tries(81)
  assert.deepEqual(await lockoutsOf(daemon, 1), [scanner.source])
  assert.deepEqual(said(daemon.output()), [])
})

test('what could hurt is never taken: a jump from a chain that accepts by its policy', async () => {
  const { world, gate, tries } = await hosts()
  await using _ = world
  await gate.nft(`table inet filter {
  chain flypaper_input { }
  chain input { type filter hook input priority filter; policy accept; jump flypaper_input; }
}`)
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  await daemon.says(/takes "listening", since chain input jumps to the trap, but accepts by its policy/)
  await tries(22)
  const scanner = await tries(81)
  assert.deepEqual(await lockoutsOf(daemon, 1), [scanner.source])
})

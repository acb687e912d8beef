/** The verbs as an administrator uses them, on the real program. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { install, lockouts, places } from '../support/daemon.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: [`${GATE}/24`, `${GATE6}/64`], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  await world.link(gate, scanner, ends)
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  await serve(gate, 'tcp:22')
  return { world, gate, scanner }
}

async function offend(scanner: Host, ...sources: string[]) {
  for (const source of sources) {
    const destination = source.includes(':') ? GATE6 : GATE
    await send(scanner, { bursts: [[{ source, destination, tcp: 81 }]], wait: 0 })
  }
}

async function isAnswered(scanner: Host, source: string): Promise<boolean> {
  const destination = source.includes(':') ? GATE6 : GATE
  const { answers } = await send(scanner, { bursts: [[{ source, destination, tcp: 22 }]], wait: 100 })
  return answers.some(({ kind }) => kind === 'syn-ack')
}

test('free: address, prefix, host name, both families; it does not count, the next one does', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const hosts = '127.0.0.1 localhost\n198.18.3.1 fly.example\n2001:db8:2:3::1 fly.example\n'
  using flypaperd = install(gate, '', { files: { '/etc/hosts': hosts } })
  let daemon = await flypaperd.start()
  const all = ['198.18.0.1', '198.18.1.1', '198.18.1.2', '198.18.3.1', '2001:db8:2:3::9', '2001:db8:2:4::9']
  await offend(scanner, ...all)
  await daemon.says(/lockout 2001:db8:2:4::\/64/)

  assert.equal(await flypaperd.must('free', '198.18.0.1'), 'Freed 198.18.0.1.\n')
  assert.ok(await isAnswered(scanner, '198.18.0.1'), 'its hold has ended, too')
  assert.equal(await flypaperd.must('free', '198.18.1.0/24'), 'Freed 198.18.1.1.\nFreed 198.18.1.2.\n')
  assert.equal(await flypaperd.must('free', 'fly.example'), 'Freed 198.18.3.1.\nFreed 2001:db8:2:3::/64.\n')
  assert.deepEqual(JSON.parse(await flypaperd.must('free', '2001:db8:2:4::77', '--json')), {
    flies: ['2001:db8:2:4::/64'],
    held: [],
    count: 1,
  })
  const nobody = await flypaperd.run('free', '198.18.0.1')
  assert.deepEqual([nobody.code, nobody.stdout], [0, 'Nobody to free: 198.18.0.1 is no fly.\n'])
  for (const [who, code] of [
    ['no.such.name.invalid', 1],
    ['198.18.1.1/24', 64],
    ['1.2.3', 64],
    ['a;b', 64],
  ] as const) {
    assert.equal((await flypaperd.run('free', who)).code, code, who)
  }

  flypaperd.settings('[lockout]\nfirst = "2s"')
  daemon = await flypaperd.start('restart')
  await offend(scanner, '198.18.0.1')
  await daemon.says(/lockout 198\.18\.0\.1, who tried TCP-port 81, for 2s$/)
  await new Promise(resolve => setTimeout(resolve, 2500))
  // The hold of 20 s is not over: the fly has come again only after that.
  await gate.must(['nft', 'flush', 'set', 'inet', 'filter', 'flypaper_hold'])
  await offend(scanner, '198.18.0.1')
  await daemon.says(/lockout 198\.18\.0\.1, who tried TCP-port 81, for 2s, the 2nd time$/)
})

test('list, list --held, flush, with the daemon and without; the socket is for its owner and group alone', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  assert.equal(await flypaperd.must('list'), 'No flies.\n')
  const daemon = await flypaperd.start()
  assert.equal(statSync(join(flypaperd.directory, 'control.sock')).mode & 0o777, 0o660)
  await offend(scanner, '198.18.0.1', '2001:db8:2:4::9')
  await daemon.says(/lockout 2001/)
  const table = (await flypaperd.must('list')).split('\n')
  assert.match(table[0]!, /^SOURCE +SINCE +UNTIL +TIMES +TRIED +BECAUSE +GRADE$/)
  assert.match(
    table[1]!,
    /^2001:db8:2:4::\/64 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} +1 +TCP-port 81 +closed-port +forgeable$/,
  )
  assert.match(table[2]!, /^198\.18\.0\.1 /)
  assert.equal(await flypaperd.must('list', '--held'), 'Nobody is held.\n', 'a fly is not only held')

  assert.equal(await flypaperd.must('flush'), 'Freed 2 flies.\n')
  assert.ok(await isAnswered(scanner, '198.18.0.1'))
  assert.equal(await flypaperd.must('list'), 'No flies.\n')
  await offend(scanner, '198.18.0.1')
  await daemon.says(/lockout 198\.18\.0\.1/)
  await flypaperd.must('stop')
  assert.match(await flypaperd.must('list'), /198\.18\.0\.1/)
  assert.equal(await flypaperd.must('free', '198.18.0.1'), 'Freed 198.18.0.1.\n')
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /198\.18\.0\.1/)
})

test('try: disarmed again by itself, with whom it caught; or confirmed', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  await flypaperd.start()
  await offend(scanner, '198.18.9.9')
  await flypaperd.must('stop')

  const trial = await flypaperd.start('try', '3')
  await offend(scanner, '198.18.0.1')
  await trial.says(/lockout 198\.18\.0\.1/)
  assert.equal(await isAnswered(scanner, '198.18.0.1'), false)
  assert.equal((await trial.ended).code, 0)
  assert.ok(await isAnswered(scanner, '198.18.0.1'))
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[]
  assert.deepEqual(
    flies.map(({ source }) => source),
    ['198.18.9.9'],
    'those of before stay',
  )

  const again = await flypaperd.start('try', '4')
  assert.equal(await flypaperd.must('confirm'), 'The trap stays armed.\n')
  await new Promise(resolve => setTimeout(resolve, 4500))
  await offend(scanner, '198.18.0.2')
  await again.says(/lockout 198\.18\.0\.2/)
  for (const time of ['0', 'soon', '2d']) assert.equal((await flypaperd.run('try', time)).code, 64)
})

test('a second daemon, and a number that another program has: 69, and nothing is changed', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  using other = install(gate)
  const daemon = await flypaperd.start()
  const armed = await gate.must(['nft', '-s', 'list', 'ruleset'])
  const second = await flypaperd.run('start')
  assert.equal(second.code, 69)
  assert.match(second.stderr, /^flypaperd: flypaperd is running already \(pid \d+\)\nTo take over/)
  const foreign = await other.run('start')
  assert.equal(foreign.code, 69)
  assert.match(foreign.stderr, /^flypaperd: (queue|NFLOG group)s 4242 to 4246 are taken by another program\n/)
  assert.equal(await gate.must(['nft', '-s', 'list', 'ruleset']), armed)
  await offend(scanner, '198.18.0.1')
  await daemon.says(/lockout/)
  assert.deepEqual(lockouts(daemon), ['198.18.0.1'])
})

test('a chain that does not exist, and settings with mistakes: 78, and nothing is left in the kernel', async () => {
  const { world, gate } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate, '[chains]\ninput = ["inptu"]')
  const chain = await flypaperd.run('start')
  assert.equal(chain.code, 78)
  assert.match(
    chain.stderr,
    /the settings name the chain inptu for input, but table inet filter has no such chain/,
  )
  assert.equal(await gate.must(['nft', 'list', 'ruleset']), '')
  // What such a chain does not match is accepted: a jump at its end would lock legal clients out.
  const accepting = 'chain inptu {\ntype filter hook input priority filter; policy accept;\n}'
  await gate.nft(`table inet filter {\n${accepting}\n}`)
  const before = await gate.must(['nft', 'list', 'ruleset'])
  const accept = await flypaperd.run('start')
  assert.equal(accept.code, 78)
  assert.match(accept.stderr, /the chain inptu for input, but its policy is to accept[\s\S]*policy drop/)
  assert.equal(await gate.must(['nft', 'list', 'ruleset']), before)
  flypaperd.settings('holt = "20s"\n')
  const mistake = await flypaperd.run('start')
  assert.equal(mistake.code, 78)
  assert.match(mistake.stderr, /flypaperd\.toml:\d+:1: .*holt/)
  assert.equal((await flypaperd.run('check')).code, 78)
})

test('without CAP_NET_ADMIN: 77, the capability and the command to use', async () => {
  const { world, gate } = await gateAndScanner()
  await using _ = world
  for (const verb of [
    ['start'],
    ['status'],
    ['stop'],
    ['free', '192.0.2.9'],
    ['flush'],
    ['list', '--held'],
  ]) {
    const program = [process.execPath, FLYPAPERD, ...verb, ...places('/nonexistent')]
    const { code, stderr } = await gate.run([
      'setpriv',
      '--bounding-set',
      '-net_admin',
      '--inh-caps',
      '-net_admin',
      ...program,
    ])
    assert.equal(code, 77, verb[0])
    assert.equal(
      stderr,
      'flypaperd: no permission to read and change the firewall: CAP_NET_ADMIN is missing\nRun it as root: sudo flypaperd …\n',
    )
  }
})

test('IPv4 alone: without any IPv6 address the daemon runs and locks out', async () => {
  const world = await makeWorld()
  await using _ = world
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.sysctl('net/ipv6/conf/all/disable_ipv6', 1)
  // Simulated: a kernel without IPv6 has no such addresses and tables. The rules for IPv6 still load here, as they do
  // there: nf_tables knows the protocol without being able to route it.
  const none = ['if_inet6', 'ipv6_route', 'tcp6', 'udp6'].map(name => [`/proc/net/${name}`, ''])
  using flypaperd = install(gate, '', { files: Object.fromEntries(none) })
  const daemon = await flypaperd.start()
  await offend(scanner, '192.0.2.9')
  await daemon.says(/lockout 192\.0\.2\.9/)
  assert.equal((await flypaperd.run('status')).code, 0)
})

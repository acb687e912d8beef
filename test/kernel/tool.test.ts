/** An administrator's tool: lock, why, watch, export and import, on the real program. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts, places } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
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
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await gate.route('2001:db8:2::/47', '2001:db8:1::9')
  await serve(gate, 'tcp:22')
  return { world, gate, scanner }
}

async function tries(scanner: Host, source: string, tcp: number): Promise<string[]> {
  const destination = source.includes(':') ? GATE6 : GATE
  const { answers } = await send(scanner, { bursts: [[{ source, destination, tcp }]], wait: 100 })
  return answers.map(({ kind }) => kind)
}

test('lock: addresses and prefixes get no answer, across a restart, until freed; the never-list is refused', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate, 'never = ["198.19.0.0/24"]')
  assert.equal((await flypaperd.run('lock', '198.18.7.7')).code, 3, 'it needs the daemon')
  const daemon = await flypaperd.start()
  const all = ['198.18.7.7', '198.18.8.200', '2001:db8:2:5::9', '2001:db8:3:1::9']
  for (const source of all) assert.deepEqual(await tries(scanner, source, 22), ['syn-ack'], source)

  const order = ['198.18.7.7', '198.18.8.0/24', '2001:db8:2:5::9', '2001:db8:3::/48', '198.19.0.0/25']
  const { code, stdout } = await flypaperd.run(
    'lock',
    ...order,
    '--for',
    '2h',
    '--because',
    'a\nlockout 192.0.2.9\x1b[2J',
  )
  assert.equal(code, 1)
  assert.match(stdout, /^Locked out 198\.18\.8\.0\/24\.$/m)
  assert.match(stdout, /^Not locked out: 198\.19\.0\.0\/25 meets the never-list\.$/m)
  await daemon.says(
    /^<6>lockout 198\.18\.7\.7, by hand, for 2h \(by tester \(root\)\): a\\x0alockout 192\.0\.2\.9\\x1b\[2J$/,
  )
  assert.doesNotMatch(daemon.output(), /^(<\d>)?lockout 192\.0\.2\.9/m, 'no line is forged')
  for (const source of all) assert.deepEqual(await tries(scanner, source, 22), [], source)
  for (const source of ['198.18.9.1', '198.19.0.7', '2001:db8:2:6::9']) {
    assert.deepEqual(await tries(scanner, source, 22), ['syn-ack'], `the control: ${source}`)
  }
  await flypaperd.start('restart')
  for (const source of all)
    assert.deepEqual(await tries(scanner, source, 22), [], `after a restart: ${source}`)
  const part = await flypaperd.run('free', '198.18.8.200')
  assert.deepEqual(
    [part.code, part.stdout],
    [1, 'Nobody to free: 198.18.8.200 is no fly.\nBut 198.18.8.0/24 is locked out by hand.\n'],
  )
  await flypaperd.must('free', '198.18.8.0/24', '2001:db8:3::/48')
  for (const source of [all[1]!, all[3]!]) assert.deepEqual(await tries(scanner, source, 22), ['syn-ack'])
  assert.equal(await flypaperd.must('free', '--since', '1h'), 'Freed 2001:db8:2:5::/64.\nFreed 198.18.7.7.\n')

  assert.equal((await flypaperd.run('lock', '100.0.0.0/8')).code, 1)
  await flypaperd.must('lock', '100.0.0.0/8', '--force')
  await flypaperd.must('lock', '100.0.0.0/8', '--for', 'forever').then(
    () => assert.fail('it is too wide without --force'),
    () => {},
  )
  const set = await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_nets'])
  assert.match(set, /100\.0\.0\.0\/8 timeout 1h/)
  // A wider prefix takes the place of a narrower one: an interval set takes no two that overlap.
  await flypaperd.must('lock', '203.0.113.128/25')
  await flypaperd.must('lock', '203.0.113.0/24')
  assert.match(
    await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_nets']),
    /203\.0\.113\.0\/24/,
  )
  await flypaperd.must('flush')
  const empty = await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_nets'])
  assert.doesNotMatch(empty, /elements/)
})

test('why and watch: offences, who was spared and why, and what people did', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  const peer = '198.18.0.77'
  await scanner.must(['ip', 'address', 'add', `${peer}/32`, 'dev', 'to-gate'])
  await serve(scanner, 'tcp:80')
  using flypaperd = install(gate)
  await flypaperd.start()
  const watch = await gate.start([
    process.execPath,
    FLYPAPERD,
    'watch',
    '--json',
    ...places(flypaperd.directory),
  ])
  // Whom we talk to is spared for one packet: it could be forged.
  await gate.must(['nc', '-w', '1', peer, '80'])
  await tries(scanner, '198.18.0.5', 20000)
  while (!watch.output().includes('198.18.0.5')) {
    // The watcher may have come too late for the first ones.
    await flypaperd.run('free', '198.18.0.5')
    await tries(scanner, '198.18.0.5', 20000)
    await sleep(100)
  }
  await tries(scanner, peer, 81)
  const [spared] = await watch.says(/^.*"event":"spared".*$/)
  const event = JSON.parse(spared) as { source: string; because: string; text: string }
  assert.equal(event.source, peer)
  assert.match(event.text, /^spared 198\.18\.0\.77, who tried TCP-port 81: /)
  await watch.stop('SIGINT').then(({ code }) => assert.equal(code, 0))

  const fly = await flypaperd.must('why', '198.18.0.5')
  assert.match(fly, /^198\.18\.0\.5 is locked out for (10m|9m\d+s) more, until \d{4}-/)
  assert.match(
    fly,
    /tried TCP-port 20000, locked out, for 10m: nothing here takes what was sent to that port \(closed-port\); evidence: forgeable \(anybody can have sent it in its name\)$/m,
  )
  assert.match(fly, /^To free it: flypaperd free 198\.18\.0\.5$/m)
  const innocent = await flypaperd.must('why', peer)
  assert.match(innocent, /^198\.18\.0\.77 was never locked out\.$/m)
  assert.match(
    innocent,
    new RegExp(`spared .*TCP-port 81: .* \\(${event.because}\\); points: 81 \\(2\\) = 2 of 6$`, 'm'),
  )
  const nobody = await flypaperd.run('why', '198.18.0.99')
  assert.deepEqual(
    [nobody.code, nobody.stdout],
    [1, 'Nothing is known of 198.18.0.99: the trap drops nothing of it.\n'],
  )
  await flypaperd.must('free', '198.18.0.5')
  assert.match(
    await flypaperd.must('why', '198.18.0.5'),
    /^198\.18\.0\.5 is not locked out any more\.\n[\s\S]*released by tester \(root\): freed$/m,
  )
  assert.match(await flypaperd.must('report'), /different attacker/)
})

test('export and import: 2,000 flies with the time they had left, on another machine; one wrong line, and nobody', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  await flypaperd.start()
  const list = Array.from({ length: 2000 }, (_, n) => `198.18.${n >> 8}.${n & 255}`)
  const file = join(flypaperd.directory, 'list')
  writeFileSync(
    file,
    `# from the other gate\n${list.join('\n')}\n2001:db8:2:1::/64 # a network\n\n192.0.2.1\n`,
  )
  const first = await flypaperd.run('import', file, '--for', '2h')
  assert.equal(first.code, 1)
  assert.match(
    first.stdout,
    /^Not locked out: 192\.0\.2\.1 meets an address of this machine[^\n]*\nLocked out 2001 of 2002\.\n$/,
  )
  assert.deepEqual(await tries(scanner, '198.18.7.1', 22), [])
  const json = await flypaperd.must('export', '--json')
  const plain = await flypaperd.must('export')
  assert.deepEqual(plain.trim().split('\n').sort(), [...list, '2001:db8:2:1::/64'].sort())

  await flypaperd.must('flush')
  assert.deepEqual(await tries(scanner, '198.18.7.1', 22), ['syn-ack'])
  for (const [text, wrong] of [
    [`${plain}vpn.example.org\n`, /:2002: "vpn\.example\.org" is no address and no prefix/],
    [`${plain}\x1b[2Jevil\n`, /:2002: "\\u001b\[2Jevil" is no address/],
    [`${plain}198.18.0.1/24\n`, /no address and no prefix/],
    ['[{"source":"198.18.0.1","until":"soon"}]', /:1: "soon" is no time/],
    ['[1', /is no JSON/],
  ] as const) {
    writeFileSync(file, text)
    const { code, stderr } = await flypaperd.run('import', file)
    assert.equal(code, 64, stderr)
    assert.match(stderr, wrong)
    assert.doesNotMatch(stderr, /\x1b/)
    assert.equal(await flypaperd.must('list'), 'No flies.\n')
  }
  writeFileSync(file, json)
  assert.equal(await flypaperd.must('import', file), 'Locked out 2001 of 2001.\n')
  assert.deepEqual(await tries(scanner, '198.18.7.1', 22), [])
  const [one] = JSON.parse(await flypaperd.must('list', '198.18.7.1', '--json')) as { until: string }[]
  const [before] = (JSON.parse(json) as { source: string; until: string }[]).filter(
    ({ source }) => source === '198.18.7.1',
  )
  assert.ok(Math.abs(Date.parse(one!.until) - Date.parse(before!.until)) <= 1000, 'to the second')
})

test('metrics, with a daemon and without; reports to others tell who tried several ports from the internet, and nobody else', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await gate.must(['ip', 'route', 'replace', 'default', 'via', '192.0.2.9'])
  using flypaperd = install(gate, 'hold = "1s"\nlockout = { first = "2s", while_trying = false }')
  assert.match(
    await flypaperd.must('metrics'),
    /^flypaperd_up 0$[\s\S]*^flypaperd_status_ok\{line="process"\} 0$/m,
  )
  const daemon = await flypaperd.start()
  assert.match(
    await flypaperd.must('metrics'),
    /^flypaperd_up 1$[\s\S]*^flypaperd_status_ok\{line="process"\} 1$[\s\S]*^flypaperd_flies\{family="ipv4"\} 0$/m,
  )
  const offend = (source: string, ...ports: number[]) =>
    ports.map(tcp => ({ source, destination: '192.0.2.1', tcp }))
  await send(scanner, {
    bursts: [offend('9.9.9.10', 8000), offend('192.168.7.7', 8001, 8002, 8003)],
    wait: 0,
  })
  for (const port of [8001, 8002]) {
    await eventually(`it sticks by port ${port}`, async () => {
      await send(scanner, { bursts: [offend('9.9.9.9', port)], wait: 0 })
      return lockouts(daemon).filter(one => one === '9.9.9.9').length > port - 8001
    })
    if (port < 8002)
      await eventually('its time is over', async () => !(await flypaperd.must('export')).includes('9.9.9.9'))
  }
  const report = await flypaperd.must('export', '--format', 'abuseipdb')
  assert.match(
    report,
    /^IP,Categories,ReportDate,Comment\n9\.9\.9\.9,14,\S+Z,"flypaperd: tried closed TCP ports 8001, 8002"\n$/,
  )
})

test('a program whose name would forge a line of the log: it is named, in one line', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()
  const watch = await gate.start([process.execPath, FLYPAPERD, 'watch', ...places(flypaperd.directory)])
  // Until it watches: to lock out a fly again tells nothing, so each time another.
  for (let n = 1; n < 100 && !watch.output().includes('lockout'); n++)
    await flypaperd.must('lock', `203.0.113.${n}`)
  const evil = join(flypaperd.directory, 'e\nlockout 1.2\x1b')
  await gate.must(['sh', '-c', 'cp "$(command -v nft)" "$1"', 'cp', evil])
  await gate.must([evil, 'flush', 'ruleset'])
  // The kernel keeps 15 bytes of a name.
  await daemon.says(/e\\x0alockout 1\.2\\x1b/)
  await tries(scanner, '198.18.0.5', 20000)
  await daemon.says(/^<6>lockout 198\.18\.0\.5/)
  await watch.says(/lockout 198\.18\.0\.5/)
  for (const output of [daemon.output(), watch.output()]) {
    assert.doesNotMatch(output, /^(<\d>)?lockout 1\.2/m)
    assert.doesNotMatch(output, /\x1b/)
  }
})

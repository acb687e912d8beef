/**
 * A router: who scans through it is stuck before he finds the services behind it; his open connections die;
 * what a host behind it originates goes out, also to a fly.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IN_VM, install, lockouts, QUEUE } from '../support/daemon.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const BEHIND = '10.0.0.5'
const SERVICES = [25, 80, 43974]

/** The administrator's firewall. With his own jumps, or with chains that end where start appends them. */
const firewall = (jumps: boolean) => `table inet filter {
  ${jumps ? 'chain flypaper_input { }\n  chain flypaper_forward { }' : ''}
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport 22 accept
    ${jumps ? 'jump flypaper_input' : ''}
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "to-behind" accept
    ip daddr ${BEHIND} tcp dport { ${SERVICES.join(', ')} } accept
    ${jumps ? 'jump flypaper_forward' : ''}
  }
}`

const WAYS = [
  { name: "the administrator's own jumps", jumps: true, settings: 'closed = "unmatched"\ncapture = "log"' },
  {
    name: 'jumps that start appends',
    jumps: false,
    settings: 'capture = "log"\n[chains]\ninput = ["input"]\nforward = ["forward"]',
  },
  {
    name: 'by queue',
    jumps: true,
    settings: 'closed = "unmatched"\ncapture = "queue"',
    options: QUEUE,
  },
]

for (const { name, jumps, settings, options } of WAYS.filter(
  ({ name }) => !IN_VM || name.endsWith('queue'),
)) {
  test(`a scan through the gate: ${name}`, async () => {
    await using world = await makeWorld()
    const [gate, scanner, behind] = (await Promise.all(
      ['gate', 'scanner', 'behind'].map(host => world.host(host)),
    )) as [Host, Host, Host]
    await world.link(gate, scanner, { a: ['192.0.2.1/24'], b: ['192.0.2.9/24'] })
    await world.link(gate, behind, { a: ['10.0.0.1/24'], b: [`${BEHIND}/24`] })
    await gate.forward()
    await scanner.route('10.0.0.0/24', '192.0.2.1')
    await behind.route('0.0.0.0/0', '10.0.0.1')
    await serve(behind, ...SERVICES.map(port => `tcp:${port}` as const))
    await serve(gate, 'tcp:22')
    await serve(scanner, 'tcp:7000')
    await scanner.nft(
      'table inet seen {\n chain input {\n type filter hook input priority 0\n tcp dport 7000 counter\n}\n}',
    )
    const seen = async () =>
      /counter packets (\d+)/.exec(await scanner.must(['nft', 'list', 'table', 'inet', 'seen']))![1]
    await gate.nft(firewall(jumps))
    using flypaperd = install(gate, settings, options)
    const scan = () =>
      openPorts(scanner, [
        '-sS',
        '-r',
        '-p',
        '20-600,43974',
        '--min-rate',
        '2000',
        '--max-retries',
        '1',
        BEHIND,
      ])

    assert.deepEqual(await scan(), SERVICES)
    // A connection from before the offence was served; afterwards its packets, too, are dropped. It says nothing while the
    // trap is armed: a client that is known to have a whole connection would have three tries.
    const connection = await scanner.start(['nc', BEHIND, '80'])
    await connection.says(/port 80/)
    await connection.write('before\n')
    await connection.says(/before/)
    const daemon = await flypaperd.start()
    const status = (await flypaperd.run('status')).stdout
    assert.match(status, /integration into input: +OK \(jump at chain input\)/)
    assert.match(status, /integration into forward: +OK \(jump at chain forward\)/)

    assert.deepEqual(await scan(), [])
    await daemon.says(/lockout 192\.0\.2\.9, who tried TCP-port 20, for 10m, forwarded to 10\.0\.0\.5/)
    assert.deepEqual(lockouts(daemon), ['192.0.2.9'])
    await connection.write('after\n')
    await assert.rejects(connection.says(/after/, 1500))
    assert.deepEqual(
      await openPorts(scanner, ['-sS', '-p', '22', '192.0.2.1']),
      [],
      'incoming is dropped as well',
    )
    assert.equal(await seen(), '0')
    assert.match(
      (await behind.run(['nc', '-w', '1', '192.0.2.9', '7000'])).stdout,
      /port 7000/,
      'but what is opened from behind is answered, as that one flow',
    )
    assert.notEqual(await seen(), '0', 'but what is originated behind us goes out')

    assert.equal(await flypaperd.must('free', '192.0.2.9'), 'Freed 192.0.2.9.\n')
    assert.deepEqual(await openPorts(scanner, ['-sS', '-p', '22', '192.0.2.1']), [22])
    assert.match((await behind.run(['nc', '-w', '1', '192.0.2.9', '7000'])).stdout, /port 7000/)
    await flypaperd.must('stop')
    const left = await gate.must(['nft', '-s', 'list', 'ruleset'])
    if (!jumps) assert.doesNotMatch(left, /flypaper/, 'the appended jumps are gone')
    assert.deepEqual(await scan(), SERVICES)
  })
}

async function openPorts(scanner: Host, args: readonly string[]): Promise<number[]> {
  const report = await scanner.must(['nmap', '-n', '-Pn', '-oG', '-', ...args])
  assert.match(report, /1 host up/, 'the scan took place')
  return [...report.matchAll(/(\d+)\/open\//g)].map(([, port]) => Number(port))
}

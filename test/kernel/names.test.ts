/** A home whose address changes, by a real resolver: known within the time of its record, the old one not any more, and nothing bad by whatever it answers. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import type { Running } from '../support/process.ts'
import { GATE, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const NAME = 'home.example.net'
const PROCESS = new URL('../support/names-process.ts', import.meta.url).pathname
const at = (n: number) => `198.51.100.${n}`

/** A resolver on the host's loopback, whose records of one second the test writes. */
async function resolver(host: Host, directory: string) {
  const hosts = join(directory, 'hosts')
  writeFileSync(hosts, '')
  const options = [
    '--no-resolv',
    '--no-hosts',
    `--addn-hosts=${hosts}`,
    '--local=/example.net/',
    '--local-ttl=1',
  ]
  const place = ['--listen-address=127.0.0.1', '--bind-interfaces', '--port=53', '--pid-file=', '--user=root']
  const dnsmasq: Running = await host.start([
    'dnsmasq',
    '--keep-in-foreground',
    '--log-facility=-',
    ...options,
    ...place,
  ])
  await dnsmasq.says(/started, version/)
  return {
    async answers(...addresses: readonly string[]) {
      writeFileSync(hosts, addresses.map(address => `${address} ${NAME}\n`).join(''))
      process.kill(dnsmasq.pid, 'SIGHUP')
    },
    stop: () => dnsmasq.stop('SIGKILL'),
  }
}

async function lookUp(host: Host, directory: string, socket: string): Promise<Running> {
  const resolvConf = join(directory, 'resolv.conf')
  writeFileSync(resolvConf, 'nameserver 127.0.0.1\n')
  const mount = `mount --bind ${resolvConf} /etc/resolv.conf && exec "$@"`
  const command = [process.execPath, PROCESS, socket, '1', NAME]
  return host.start(['unshare', '--mount', 'sh', '-c', mount, 'sh', ...command])
}

test('the home is known within the time of its record, the old one is not any more, and whoever takes it over has two tries', async t => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-names-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, `names = ["${NAME}"]\nclosed = "listening"\n`)
  let daemon = await flypaperd.start()
  const dns = await resolver(gate, directory)
  const outside = await lookUp(gate, directory, join(flypaperd.directory, 'names.sock'))

  let port = 20_000
  // Each of another flow: what conntrack knows would live on.
  let from = 30_000
  /** Whether the service still answers whoever has tried so many closed ports, each another one. */
  async function isServedAfter(source: string, ports: number): Promise<boolean> {
    const to = { source, destination: GATE }
    const tries = [...Array.from({ length: ports }, () => port++), 22].map(tcp => ({
      ...to,
      tcp,
      from: from++,
    }))
    const { answers } = await send(scanner, { bursts: [tries] })
    return answers.some(({ kind }) => kind === 'syn-ack')
  }
  async function hosts(): Promise<string[]> {
    const { daemon } = JSON.parse((await flypaperd.run('status', '--json')).stdout)
    return daemon.names[0].hosts
  }
  const areKnown = (...addresses: readonly string[]) =>
    eventually(
      () => `${NAME} is ${addresses}\n${outside.output()}\n${daemon.output()}`,
      async () => (await hosts()).join() === addresses.join(),
      40_000,
    )
  async function becomes(...addresses: readonly string[]) {
    await dns.answers(...addresses)
    await areKnown(...addresses)
  }

  assert.ok(await isServedAfter(at(66), 0), 'the control: the service answers')
  assert.ok(!(await isServedAfter(at(66), 1)), 'the control: a stranger sticks with one port')
  assert.deepEqual(await lockoutsOf(daemon, 1), [at(66)])

  await becomes(at(7), '2001:db8:7::9')
  assert.deepEqual(await listed(gate, 'flypaper_known6'), ['2001:db8:7::'])
  assert.ok(await isServedAfter(at(7), 2))
  assert.match(
    await flypaperd.must('status'),
    new RegExp(`known by name: ${NAME} \\(${at(7)}, 2001:db8:7::9\\)`),
  )
  assert.match((await flypaperd.run('why', at(7))).stdout, new RegExp(`^known: ${NAME}$`, 'm'))

  await becomes(at(8))
  assert.ok(await isServedAfter(at(8), 1), 'the new one')
  assert.deepEqual(await listed(gate, 'flypaper_known'), [at(8)])
  assert.ok(!(await isServedAfter(at(7), 1)), 'the old one is a stranger, and has tried three by now')
  assert.deepEqual(await lockoutsOf(daemon, 2), [at(66), at(7)])

  await t.test('whatever is answered, the last good one counts', async () => {
    for (const [addresses, says, who] of [
      [['127.0.0.1'], /of home\.example\.net is not taken: 127\.0\.0\.1 is a loopback address/, daemon],
      [[GATE], /of home\.example\.net is not taken: 192\.0\.2\.1 is an address of this machine/, daemon],
      [
        Array.from({ length: 200 }, (_, i) => at(i + 1)),
        /it has 200 addresses, where 16 are the most/,
        outside,
      ],
      [[], /it has no address; the last good answer counts/, outside],
    ] as const) {
      await dns.answers(...addresses)
      await who.says(says)
      assert.deepEqual(await hosts(), [at(8)])
    }
    await dns.stop()
    await outside.says(/nobody can tell its addresses; the last|nobody can tell its addresses: E/)
    assert.ok(await isServedAfter(at(8), 1))
    assert.ok(!(await isServedAfter(at(67), 1)), 'the control')
  })

  await t.test('a daemon that starts anew is told again', async () => {
    await flypaperd.must('stop')
    await daemon.ended
    daemon = await flypaperd.start()
    await areKnown(at(8))
  })

  await t.test(
    'hijacked to a scanner that sticks: it is let go once, and sticks at its third port',
    async () => {
      const again = await resolver(gate, directory)
      await again.answers(at(66))
      await daemon.says(new RegExp(`free ${at(66)} \\(by the name ${NAME}`))
      assert.ok(await isServedAfter(at(66), 2), daemon.output())
      assert.ok(!(await isServedAfter(at(66), 1)), 'its third')
      await again.answers(at(9))
      await areKnown(at(9))
      await again.answers(at(66))
      await areKnown(at(66))
      assert.ok(!(await isServedAfter(at(66), 0)), 'the name frees no more')
      assert.ok(await isServedAfter(at(10), 0), 'the control')
    },
  )
})

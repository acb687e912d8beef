/** What the kernel does by itself: it drops what flies and held sources send, and answers them nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockouts } from '../support/daemon.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

async function gateAndScanner() {
  const world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: ['192.0.2.1/24', '2001:db8:1::1/64'], b: ['192.0.2.9/24', '2001:db8:1::9/64'] }
  await world.link(gate, scanner, ends)
  return { world, gate, scanner }
}

const GATE = '192.0.2.1'
const GATE6 = '2001:db8:1::1'

test("a fly's open connection dies; towards a fly only answers are held back", async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await serve(gate, 'tcp:22')
  await serve(scanner, 'tcp:7000')
  await scanner.nft(
    'table inet seen { chain input { type filter hook input priority 0; tcp dport 7000 counter\n}\n}',
  )
  const seen = async () =>
    /counter packets (\d+)/.exec(await scanner.must(['nft', 'list', 'table', 'inet', 'seen']))![1]
  using flypaperd = install(gate)
  const daemon = await flypaperd.start()

  const connection = await scanner.start(['nc', GATE, '22'])
  await connection.says(/port 22/)
  await connection.write('before\n')
  await connection.says(/before/)
  await send(scanner, { bursts: [[{ source: '192.0.2.9', destination: GATE, tcp: 81 }]] })
  await daemon.says(/lockout 192\.0\.2\.9,/)
  await connection.write('after\n')
  await assert.rejects(connection.says(/after/, 1500))

  assert.equal(await seen(), '0')
  await gate.run(['nc', '-w', '1', '192.0.2.9', '7000'])
  assert.notEqual(await seen(), '0', 'what we originate ourselves goes out')
  await flypaperd.must('free', '192.0.2.9')
  await connection.says(/after/)
})

test('with the daemon dead an offender is held, and his next packets get no answer', async () => {
  const { world, gate, scanner } = await gateAndScanner()
  await using _ = world
  await serve(gate, 'tcp:22')
  // As a gateway the scanner himself is spared: here only the sources that he forges matter.
  await gate.route('198.18.0.0/16', '192.0.2.9')
  await gate.route('2001:db8:2::/48', '2001:db8:1::9')
  using flypaperd = install(gate, 'hold = "5s"')
  const daemon = await flypaperd.start()
  const { pid } = JSON.parse(await flypaperd.must('status', '--json')).daemon
  process.kill(pid, 'SIGKILL')
  assert.equal((await daemon.ended).code, 128 + 9)

  // Hosts of the gate's own link, which exist for its neighbour table alone.
  for (const host of ['7', '8']) {
    const address = `2001:db8:1::7${host}`
    await gate.must(['ip', 'neigh', 'replace', address, 'lladdr', await macOf(scanner), 'dev', 'to-scanner'])
  }
  for (const { offender, innocent, destination, set, element } of [
    {
      offender: '198.18.0.7',
      innocent: '198.18.0.8',
      destination: GATE,
      set: 'flypaper_hold',
      element: '198.18.0.7',
    },
    {
      offender: '2001:db8:2:5::7',
      innocent: '2001:db8:2:6::7',
      destination: GATE6,
      set: 'flypaper_hold6',
      element: '2001:db8:2:5::',
    },
    {
      offender: '2001:db8:1::77',
      innocent: '2001:db8:1::78',
      destination: GATE6,
      set: 'flypaper_hold6',
      element: '2001:db8:1::77',
    },
  ]) {
    const syn = (source: string, tcp: number) => ({ source, destination, tcp })
    const { answers } = await send(scanner, {
      bursts: [[syn(offender, 81), syn(offender, 22), syn(innocent, 22)]],
    })
    assert.deepEqual(
      answers.map(({ kind, destination }) => [kind, destination]),
      [['syn-ack', innocent]],
    )
    const listing = await gate.must(['nft', 'list', 'set', 'inet', 'filter', set])
    assert.match(listing, new RegExp(`[ {]${element.replaceAll('.', '\\.')} expires`))
  }
  assert.deepEqual(lockouts(daemon), [])
  assert.match(await flypaperd.must('list', '--held'), /^198\.18\.0\.7 +\ds$/m)

  // The hold ends by itself, as the kernel knows no reason to prolong it.
  await new Promise(resolve => setTimeout(resolve, 5500))
  const { answers } = await send(scanner, {
    bursts: [[{ source: '198.18.0.7', destination: GATE, tcp: 22 }]],
  })
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['syn-ack'],
  )
})

async function macOf(host: { must(command: readonly string[]): Promise<string> }): Promise<string> {
  return /link\/ether (\S+)/.exec(await host.must(['ip', 'link', 'show', 'to-gate']))![1]!
}

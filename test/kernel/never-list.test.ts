/** The never-list wins, whatever way a lockout comes, and only for those who are on it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { install, lockouts } from '../support/daemon.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const NEVER = '198.18.7.7'
const OFFENDER = '198.18.7.8'
const NEVER6 = '2001:db8:2:7::7'
const NEIGHBOUR6 = '2001:db8:2:7::8'

test('sources of the never-list are neither held nor locked out, their neighbours are', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, `never = ["198.18.7.0/29", "198.18.7.7", "${NEVER6}"]`)
  const daemon = await flypaperd.start()

  const offences = [NEVER, OFFENDER].map(source => ({ source, destination: '192.0.2.1', tcp: 81 }))
  const offences6 = [NEVER6, NEIGHBOUR6].map(source => ({ source, destination: '2001:db8:1::1', tcp: 81 }))
  const first = await send(scanner, { bursts: [offences, offences6] })
  const refused = first.answers.filter(({ kind }) => kind === 'rst').map(({ destination }) => destination)
  assert.deepEqual(
    refused.sort(),
    [NEVER, NEVER6],
    'closed ports answer those who are never judged, as without us',
  )
  await daemon.says(new RegExp(`lockout ${OFFENDER},`))
  await daemon.says(new RegExp(`lockout ${NEIGHBOUR6},`))
  assert.deepEqual(lockouts(daemon), [OFFENDER, NEIGHBOUR6])
  for (const set of ['flypaper_hold', 'flypaper_hold6']) {
    assert.doesNotMatch(
      await gate.must(['nft', 'list', 'set', 'inet', 'filter', set]),
      new RegExp(`${NEVER}|${NEVER6}`),
    )
  }

  // By hand, against the list: IPv4 hosts are taken out again, of a /64 the kernel spares the one.
  await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper', `{ ${NEVER} }`])
  await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper6', '{ 2001:db8:2:7:: }'])
  await daemon.says(new RegExp(`has put ${NEVER} into flypaper, .* taken out again`))
  assert.deepEqual(await answered(scanner, [NEVER, OFFENDER, NEVER6, NEIGHBOUR6]), [NEVER, NEVER6])
})

/** Whom the open port answers. */
async function answered(scanner: Host, sources: readonly string[]): Promise<string[]> {
  const destination = (source: string) => (source.includes(':') ? GATE6 : GATE)
  const bursts = sources.map(source => [{ source, destination: destination(source), tcp: 22 }])
  const { answers } = await send(scanner, { bursts })
  return sources.filter(source =>
    answers.some(answer => answer.kind === 'syn-ack' && answer.destination === source),
  )
}

const [FLY, OTHER, BY_HAND] = ['198.18.7.1', '198.18.7.9', '198.18.7.2']
/** On our link; what is sent to them comes to the scanner. */
const [GATEWAY, STRANGER] = ['192.0.2.77', '192.0.2.79']

/** A gate with a service, and a daemon whose flies are FLY and OTHER. */
async function withFlies(toml = '') {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16')
  await serve(gate, 'tcp:22')
  const [link] = JSON.parse(await scanner.must(['ip', '-json', 'link', 'show', 'to-gate']))
  for (const address of [GATEWAY, STRANGER])
    await gate.must(['ip', 'neigh', 'add', address, 'lladdr', link.address, 'dev', 'to-scanner'])
  const flypaperd = install(gate, toml)
  const daemon = await flypaperd.start()
  await send(scanner, { bursts: [[FLY, OTHER].map(source => ({ source, destination: GATE, tcp: 81 }))] })
  await daemon.says(new RegExp(`lockout ${OTHER},`))
  const dispose = async () => {
    flypaperd[Symbol.dispose]()
    await world[Symbol.asyncDispose]()
  }
  return { gate, scanner, flypaperd, daemon, [Symbol.asyncDispose]: dispose }
}

test('by hand: own addresses, gateways, resolvers and nobody are taken out again, strangers stay', async () => {
  await using it = await withFlies()
  const { gate, scanner, daemon } = it
  const refused = [GATE, '127.0.0.1', '0.0.0.0']
  await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper', `{ ${refused}, ${BY_HAND} }`])
  await daemon.says(/has put 3 hosts \(.* among them\) into flypaper, .* taken out again/)
  await daemon.says(new RegExp(`lockout ${BY_HAND}, by hand`))
  assert.deepEqual(await listed(gate, 'flypaper'), [FLY, BY_HAND, OTHER])
  await gate.must(['nc', '-z', '-w', '2', '127.0.0.1', '22'])
  assert.deepEqual(await answered(scanner, [BY_HAND, '198.18.7.3']), ['198.18.7.3'])
})

test('a fly that the never-list names from now on: free by a reload', async () => {
  await using it = await withFlies()
  const { scanner, flypaperd } = it
  assert.deepEqual(await answered(scanner, [FLY, OTHER]), [])
  flypaperd.settings('never = ["198.18.7.0/29"]')
  await flypaperd.must('reload')
  assert.deepEqual(await answered(scanner, [FLY, OTHER]), [FLY])
})

for (const end of ['stopped', 'killed'] as const)
  test(`… and by the next start after the daemon was ${end}, as who was put there by hand, and a new gateway`, async () => {
    await using it = await withFlies()
    const { gate, scanner, flypaperd, daemon } = it
    await flypaperd.must('lock', GATEWAY)
    await daemon.stop(end === 'killed' ? 'SIGKILL' : 'SIGTERM')
    flypaperd.settings(`never = ["198.18.7.0/30", "${BY_HAND}"]`)
    await gate.must(['nft', 'add', 'element', 'inet', 'filter', 'flypaper', `{ ${BY_HAND} }`])
    await gate.route('203.0.113.0/24', GATEWAY)
    await flypaperd.start()
    assert.deepEqual(await listed(gate, 'flypaper'), [OTHER])
    assert.deepEqual(await answered(scanner, [FLY, BY_HAND, GATEWAY, OTHER]), [FLY, BY_HAND, GATEWAY])
  })

test('a fly that becomes our gateway, or whose address becomes our own, is none any more', async () => {
  await using it = await withFlies()
  const { gate, scanner, flypaperd } = it
  const OWN = '192.0.2.78'
  await flypaperd.must('lock', GATEWAY, OWN, STRANGER)
  assert.deepEqual(await answered(scanner, [GATEWAY, STRANGER]), [])
  await gate.route('203.0.113.0/24', GATEWAY)
  await gate.must(['ip', 'address', 'add', `${OWN}/32`, 'dev', 'lo'])
  const left = [STRANGER, FLY, OTHER]
  for (let looks = 0; looks < 100 && (await listed(gate, 'flypaper')).length > left.length; looks++)
    await sleep(100)
  assert.deepEqual(await listed(gate, 'flypaper'), left)
  assert.deepEqual(await answered(scanner, [GATEWAY, STRANGER]), [GATEWAY])
  await gate.must(['nc', '-z', '-w', '2', OWN, '22'])
  assert.match(await flypaperd.must('why', GATEWAY), /released by flypaperd: freed/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IsPublic } from '../../src/prove/findings.ts'
import { machineOf } from '../../src/prove/machine.ts'
import { hurtOf, leaksOf, prove } from '../../src/prove/prove.ts'
import type { Service } from '../../src/prove/scans.ts'
import { type Faults, fakeClone } from '../support/fake-clone.ts'

const tcp = (port: number): Service => ({ protocol: 'tcp', port })
const udp = (port: number): Service => ({ protocol: 'udp', port })
const SERVICES = [tcp(22), tcp(443), udp(53)]

function proofOf(faults: Faults, more: { services?: Service[]; isPublic?: IsPublic } = {}) {
  const { services = SERVICES, isPublic = () => false } = more
  const machine = machineOf('', services, 'eth0')
  return prove({ machine, settings: [], isPublic, progress() {} }, async () => fakeClone(faults))
}

test('kept: each scan finds in the control what is there, and nothing with the trap', async () => {
  const { scans, bursts, clients, ...rest } = await proofOf({})
  assert.deepEqual(
    scans.map(({ scan, family, control, found, controlAnswers, answers, stuckAt, stuckBy, isLeak }) =>
      [scan, family, control.join(' '), found.length, controlAnswers, answers, stuckAt, stuckBy, isLeak].join(
        '|',
      ),
    ),
    [4, 6]
      .flatMap(family => [
        `SYN|${family}|tcp/22 tcp/443|0|63|0|1|tcp/1|false`,
        `FIN|${family}||0|61|0|1|tcp/1|false`,
        `NULL|${family}||0|61|0|1|tcp/1|false`,
        `Xmas|${family}||0|61|0|1|tcp/1|false`,
        `ACK|${family}||0|63|0|1|tcp/1|false`,
        `UDP|${family}|udp/53|0|60|0|1|udp/1|false`,
        ...(family === 6 ? ['SYN-ext|6|tcp/22 tcp/443|0|63|0|1|tcp/1|false'] : []),
      ])
      .concat([4, 6].map(family => `connect|${family}|tcp/22 tcp/443|0|41|0|1|tcp/1|false`)),
  )
  assert.deepEqual(
    bursts.map(({ family, ports, controlAnswers, answers }) => [
      family,
      ports.join(' '),
      controlAnswers,
      answers,
    ]),
    [4, 6].map(family => [family, 'tcp/1 tcp/22 tcp/443', 60, 0]),
  )
  assert.equal(clients.length, 6)
  assert.ok(
    clients.every(({ control, trapped, isHurt }) => control === 'served' && trapped === 'served' && !isHurt),
  )
  assert.deepEqual(rest, { missing: [] })
})

test('a leak: an open port that answers after the offence; a public one may', async () => {
  const leaking = await proofOf({ leaks: ['tcp/443'] })
  const leaks = leaking.scans.filter(({ isLeak }) => isLeak)
  assert.deepEqual(
    leaks.map(({ scan, family, found }) => [scan, family, ...found]),
    [
      ['SYN', 4, 'tcp/443'],
      ['ACK', 4],
      ['SYN', 6, 'tcp/443'],
      ['ACK', 6],
      ['SYN-ext', 6, 'tcp/443'],
      ['connect', 4, 'tcp/443'],
      ['connect', 6, 'tcp/443'],
    ],
  )
  assert.deepEqual([leaksOf(leaking), hurtOf(leaking)], [9, 0], 'the bursts of both families, too')

  const isPublic = ({ protocol, port }: Service) => protocol === 'tcp' && port === 443
  assert.equal(leaksOf(await proofOf({ leaks: ['tcp/443'] }, { isPublic })), 0)
})

test('closed ports that answer leak, and so does a source that never sticks', async () => {
  const all = Array.from({ length: 65_536 }, (_, port) => [`tcp/${port}`, `udp/${port}`]).flat()
  const none = await proofOf({ leaks: all })
  assert.equal(leaksOf(none), none.scans.length + none.bursts.length)
  assert.ok(none.scans.every(({ stuckAt }) => stuckAt === undefined))
})

test('what is asked before the offence may be found: three tries find what lies among them', async () => {
  const services = [tcp(2), tcp(443)]
  const { scans } = await proofOf({ patience: 3 }, { services })
  const [syn] = scans
  assert.deepEqual([syn!.found, syn!.stuckAt, syn!.stuckBy, syn!.isLeak], [['tcp/2'], 4, 'tcp/4', false])
})

test('an innocent who is hurt: the client of a port that the trap takes for closed', async () => {
  const { clients, ...proof } = await proofOf({ hurts: ['tcp/443'] })
  assert.deepEqual(
    clients
      .filter(({ isHurt }) => isHurt)
      .map(({ service, family, control, trapped, isStuck }) => [service, family, control, trapped, isStuck]),
    [4, 6].map(family => ['tcp/443', family, 'served', 'silent', true]),
  )
  assert.deepEqual([leaksOf({ clients, ...proof }), hurtOf({ clients, ...proof })], [0, 2])
})

test('a host behind: an offence at the machine itself, then its ports', async () => {
  const behind = {
    device: 'eth1',
    hosts: [{ address: '10.0.0.5', gateway: '10.0.0.1' }],
    services: [tcp(22), tcp(80)],
  }
  const published = [{ service: tcp(443), to: '10.0.0.5', toPort: 80 }]
  const of = async (faults: Faults) => {
    const links = [{ name: 'eth1', isBridge: false }]
    const machine = { ...machineOf('', [tcp(22)], 'eth0'), links, published, behind }
    const proof = await prove({ machine, settings: [], isPublic: () => false, progress() {} }, async () =>
      fakeClone(faults),
    )
    return proof.scans.filter(({ scan }) => scan === 'SYN behind')
  }
  for (const [leaks, found] of [
    [[], []],
    [['tcp/22'], ['tcp/22']],
  ] as const) {
    const [scan, ...more] = await of({ leaks })
    assert.deepEqual(
      [scan?.family, scan?.control, scan?.found, scan?.stuckAt, scan?.isLeak, more],
      [4, ['tcp/22', 'tcp/80'], found, 1, found.length > 0, []],
    )
  }
})

test('where the control finds nothing there is no proof', async () => {
  await assert.rejects(proofOf({ isDead: true }), { name: 'Failure', exit: 69, message: /answers nobody/ })
})

/** Who listens is asked before a packet to a closed port becomes evidence: of whom, and how often. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openServedNow } from '../../src/daemon/served-now.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { fakeWorld } from '../support/fake-world.ts'

const GATE = '192.0.2.1'
const HERE = GATE as Address
const FAR = '198.51.100.1' as Address

test('somebody listens by now: no evidence, no hold, and the kernel learns the port; whoever tries another sticks', () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "listening"')
  fake.here.served.push([6, 8080], [17, 9000])
  const innocent = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4']
  for (const source of innocent) fake.firewall.others.add('flypaper_hold', source, 20)
  fake.firewall.others.add('flypaper_count_late', '198.51.100.4', 20)
  fake.sockets.deliver([
    { source: innocent[0]!, destination: GATE, tcp: 8080 },
    { source: innocent[1]!, destination: GATE, udp: 9000 },
    { source: innocent[2]!, destination: GATE, tcp: 8080, flags: 0x10 },
    { source: '198.51.100.8', destination: GATE, udp: 8080 },
    { source: '198.51.100.9', destination: GATE, tcp: 8080, flags: 0x01 },
  ])
  fake.sockets.deliver([{ source: innocent[3]!, destination: GATE, tcp: 8080 }], { channel: 'late' })
  fake.sockets.deliver([{ source: '198.51.100.10', destination: '192.0.2.9', tcp: 8080 }], {
    hook: 'forward',
  })
  assert.deepEqual(Object.keys(fake.inKernel()).sort(), ['198.51.100.10', '198.51.100.8', '198.51.100.9'])
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_hold')), [])
  assert.deepEqual(Object.keys(fake.inKernel('flypaper_count_late')), [])
  assert.ok(['6,8080', '17,9000'].every(port => port in fake.inKernel('flypaper_served')))
  assert.equal(trap.counts().spared.served, 4)
})

test('an opening port frees nobody; where the rules of the administrator decide, a socket tells nothing', () => {
  const fake = fakeWorld()
  using _ = fake.open('closed = "unmatched"')
  fake.here.served.push([6, 8080])
  fake.sockets.deliver([{ source: '198.51.100.1', destination: GATE, tcp: 8080 }])
  assert.deepEqual(Object.keys(fake.inKernel()), ['198.51.100.1'])
  const other = fakeWorld()
  using _other = other.open('closed = "listening"')
  other.sockets.deliver([{ source: '198.51.100.1', destination: GATE, tcp: 8080 }])
  other.here.served.push([6, 8080])
  other.pass(1000)
  other.sockets.deliver([{ source: '198.51.100.2', destination: GATE, tcp: 8080 }])
  assert.deepEqual(Object.keys(other.inKernel()), ['198.51.100.1'])
})

test('who listens by another address of this machine does not listen here', () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "listening"')
  fake.here.served.push([6, 8080], [6, 8443])
  fake.here.bound.push([HERE, 6, 8080])
  const [here, elsewhere, everywhere] = ['198.51.100.1', '198.51.100.2', '198.51.100.3']
  fake.sockets.deliver([
    { source: here, destination: GATE, tcp: 8080 },
    { source: elsewhere, destination: '192.0.2.2', tcp: 8080 },
    { source: everywhere, destination: '192.0.2.2', tcp: 8443 },
  ])
  assert.deepEqual(Object.keys(fake.inKernel()), [elsewhere])
  assert.equal(trap.counts().spared.served, 2)
})

test('port 0, by which IPVS takes any port: whoever opens one is no offender, by that protocol; who sends what opens none sticks', () => {
  const fake = fakeWorld()
  using trap = fake.open('closed = "listening"')
  fake.here.served.push([6, 0])
  fake.sockets.deliver([
    { source: '198.51.100.1', destination: GATE, tcp: 8080 },
    { source: '198.51.100.2', destination: GATE, tcp: 8080, flags: 0x29 },
    { source: '198.51.100.3', destination: GATE, udp: 8080 },
  ])
  assert.deepEqual(Object.keys(fake.inKernel()).sort(), ['198.51.100.2', '198.51.100.3'])
  assert.ok('6,8080' in fake.inKernel('flypaper_served'))
  assert.equal(trap.counts().spared.served, 1)
})

test('rules that sent all of some sources elsewhere: at no port are these offenders, until their time is over', () => {
  let seconds = 100
  const now = openServedNow({ served: () => [], bound: () => [] }, { clock: () => seconds })
  const finds = (from: string, isAtRest = true) =>
    now.find({ kind: 'tcp', port: 81, flags: 2 }, HERE, from as Address, isAtRest) !== undefined
  const sent = (text: string, isPartly = false) => ({ from: [parsePrefix(text)!], isPartly })
  now.follow([sent('198.51.100.0/24')], 600)
  assert.equal(finds(FAR), false, 'it does not come here')
  assert.equal(finds(FAR, false), true, 'the rule may be gone')
  assert.equal(finds('203.0.113.1', false), false, 'the control')
  seconds = 200
  now.follow([sent('203.0.113.0/24', true)], 600)
  assert.equal(finds(FAR), true)
  assert.equal(finds('203.0.113.1'), true, 'what is beyond the rate comes here')
  assert.equal(finds('192.0.2.77', false), false, 'the control')
  seconds = 799
  assert.equal(finds(FAR), true)
  seconds = 800
  assert.equal(finds(FAR), false)
  now.follow([], 600)
  assert.equal(finds('203.0.113.1'), true)
  seconds = 1400
  assert.equal(finds('203.0.113.1'), false)
})

test('strangers make it ask for a hundredth of the time at most, and twenty times a second', () => {
  let seconds = 0
  let asked = 0
  let costs = 0
  const served = () => {
    asked++
    seconds += costs
    return [[6, 22] as const]
  }
  const now = openServedNow({ served, bound: () => [] }, { clock: () => seconds })
  const flood = (until: number) => {
    asked = 0
    for (const end = seconds + until; seconds < end; seconds += 0.001) {
      assert.equal(now.find({ kind: 'tcp', port: 81, flags: 2 }, HERE, FAR, true), undefined)
      assert.deepEqual(now.find({ kind: 'tcp', port: 22, flags: 2 }, HERE, FAR, true), [6, 22])
      assert.equal(now.find({ kind: 'icmp', type: 8, code: 0 }, HERE, FAR, true), undefined)
    }
    return asked
  }
  assert.ok(Math.abs(flood(10) - 200) <= 5)
  costs = 0.02
  assert.ok(Math.abs(flood(20) - 10) <= 1)
})

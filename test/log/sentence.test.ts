import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tried } from '../../src/decode/packet.ts'
import { facts, sentence, triedText } from '../../src/log/sentence.ts'
import { HOUR, lockout, SINCE } from '../history/lockouts.ts'

const said = (changes: Parameters<typeof lockout>[0]) =>
  sentence({ event: 'lockout', lockout: lockout(changes) })

test('the sentence of 2006, then what more we know', () => {
  const start = 'lockout 69.0.231.79, who tried TCP-port 20000'
  assert.equal(said({}), `${start}, for 1h`)
  assert.equal(said({ until: 'forever' }), `${start}, for ever`)
  assert.equal(said({ times: 3, until: SINCE + 36 * HOUR }), `${start}, for 1d12h, the 3rd time`)
  assert.equal(said({ forwardedTo: '192.0.2.9' }), `${start}, for 1h, forwarded to 192.0.2.9`)
  assert.equal(
    said({ until: 'forever', times: 2, forwardedTo: '192.0.2.9' }),
    `${start}, for ever, the 2nd time, forwarded to 192.0.2.9`,
  )
})

test('a lockout of a /64 says which of its addresses it was', () => {
  assert.equal(
    said({
      source: '2001:db8:1:2::/64',
      packetSource: '2001:db8:1:2::5',
      tried: { kind: 'tcp', port: 22, from: 1, flags: 2 },
    }),
    'lockout 2001:db8:1:2::/64, who tried TCP-port 22 (from 2001:db8:1:2::5), for 1h',
  )
})

const TRIED: [Tried, string][] = [
  [{ kind: 'tcp', port: 20000, from: 4444, flags: 2 }, 'TCP-port 20000'],
  [{ kind: 'udp', port: 0, from: 4444 }, 'UDP-port 0'],
  [{ kind: 'sctp', port: 36412, from: 4444 }, 'SCTP-port 36412'],
  [{ kind: 'icmp', type: 8, code: 0 }, 'ICMP-type 8'],
  [{ kind: 'icmpv6', type: 128, code: 0 }, 'ICMPv6-type 128'],
  [{ kind: 'protocol', number: 47 }, 'protocol 47 (GRE)'],
  [{ kind: 'protocol', number: 0 }, 'protocol 0 (HOPOPT)'],
  [{ kind: 'protocol', number: 253 }, 'protocol 253'],
]
for (const [tried, text] of TRIED) test(`tried: ${text}`, () => assert.equal(triedText(tried), text))

test('which time it was, in English', () => {
  const times = [2, 3, 4, 11, 12, 13, 21, 22, 101, 111].map(
    times => /the (\w+) time/.exec(said({ times }))?.[1],
  )
  assert.deepEqual(times, ['2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '22nd', '101st', '111th'])
})

test('the other events', () => {
  assert.equal(sentence({ event: 'free', source: '69.0.231.79', by: 'root' }), 'free 69.0.231.79 (by root)')
  assert.equal(sentence({ event: 'flush', flies: 390, by: 'root' }), 'flush 390 flies (by root)')
  assert.equal(sentence({ event: 'flush', flies: 1, by: 'root' }), 'flush 1 fly (by root)')
  assert.equal(
    sentence({ event: 'armed', capture: 'queue', flies: 0 }),
    'trap armed, listening by queue, with 0 flies',
  )
  assert.equal(
    sentence({ event: 'armed', capture: 'log', flies: 1 }),
    'trap armed, listening by NFLOG, with 1 fly',
  )
  assert.equal(sentence({ event: 'disarmed', flies: 1 }), 'trap disarmed, 1 fly stays in the set')
  assert.equal(sentence({ event: 'disarmed', flies: 7 }), 'trap disarmed, 7 flies stay in the set')
})

test('a name never becomes a second line', () => {
  const text = sentence({ event: 'free', source: '69.0.231.79', by: 'eve\nlockout 192.0.2.1\x1b[2J\u202e' })
  assert.equal(text, 'free 69.0.231.79 (by eve\\x0alockout 192.0.2.1\\x1b[2J\\u{202e})')
})

test('the JSON twin has the same facts', () => {
  const twin = facts({ event: 'lockout', lockout: lockout({ times: 2, forwardedTo: '192.0.2.9' }) })
  assert.deepEqual(twin, {
    event: 'lockout',
    source: '69.0.231.79',
    packetSource: '69.0.231.79',
    tried: { kind: 'tcp', port: 20000, from: 51000, flags: 2 },
    hook: 'input',
    because: 'closed-port',
    grade: 'forgeable',
    since: '2026-01-02T03:04:05.000Z',
    until: '2026-01-02T04:04:05.000Z',
    times: 2,
    forwardedTo: '192.0.2.9',
  })
  assert.equal(facts({ event: 'lockout', lockout: lockout({ until: 'forever' }) }).until, 'forever')
  assert.deepEqual(facts({ event: 'free', source: '69.0.231.79', by: 'root' }), {
    event: 'free',
    source: '69.0.231.79',
    by: 'root',
  })
})

/** What the doctor makes of limits in iptables-legacy, which no daemon sees. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnose } from '../../src/doctor/doctor.ts'
import { legacyLimitsOf } from '../../src/doctor/legacy-limits.ts'
import { facts } from './facts.ts'

const LIMITED = `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -m limit --limit 5/sec -j ACCEPT
-A INPUT -p tcp -m comment --comment "a \\"-m limit\\" is here" -m tcp --dport 23 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 24 -m limit --limit 3/min -j LOG
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 1/hour -j ACCEPT
-A INPUT -p udp -m multiport --dports 53,5000:5100 -m hashlimit --hashlimit-upto 1/sec --hashlimit-name x -j ACCEPT
COMMIT`

test('the ports of limits; what only tells, asks the packet alone, or stands in a comment, is none', () => {
  assert.deepEqual(legacyLimitsOf(LIMITED), { ports: ['tcp/22', 'udp/53', 'udp/5000-5100'], isAny: false })
  const any = legacyLimitsOf('-A INPUT -m connlimit --connlimit-above 9 -j DROP')
  assert.deepEqual(any, { ports: [], isAny: true })
})

test('the doctor names them where a refusal is evidence, and says what helps', () => {
  const said = (toml: string, legacyRules: string | undefined) =>
    diagnose(facts({ toml, legacy: [{ family: 'ip', table: 'filter' }], legacyRules }))
      .findings.filter(({ about, text }) => about === 'danger' && text.includes('iptables-legacy'))
      .map(({ text, advice }) => `${text} ${advice}`)
  const unaccepted = 'closed = "unaccepted"'
  const [named, ...more] = said(unaccepted, LIMITED)
  assert.match(named!, /refuse at tcp\/22, udp\/53, udp\/5000-5100 by a rate/)
  assert.match(named!, /silent = \["tcp\/22", "udp\/53", "udp\/5000-5100"\]/)
  assert.deepEqual(more, [])
  assert.match(said(unaccepted, undefined)[0]!, /cannot be read here/)
  assert.match(said(unaccepted, '-A INPUT -m limit --limit 1/s -j ACCEPT')[0]!, /at any port/)
  assert.deepEqual(said(unaccepted, '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'), [])
  assert.deepEqual(said('closed = "listening"', LIMITED), [])
})

/** The doctor beside real rules of iptables-legacy: a limit is named with its port where a refusal is evidence; rules without one are not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install } from '../support/daemon.ts'
import { makeWorld } from '../support/world.ts'

test('doctor reads the limits of iptables-legacy, which the daemon cannot', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate, 'closed = "unaccepted"')
  const said = async () => {
    const { findings } = JSON.parse((await flypaperd.run('doctor', '--json')).stdout) as {
      findings: readonly { readonly about: string; readonly text: string }[]
    }
    return findings
      .filter(({ about, text }) => about === 'danger' && text.includes('iptables-legacy'))
      .map(({ text }) => text)
  }
  assert.deepEqual(await said(), [])
  for (const program of ['iptables-legacy', 'ip6tables-legacy'])
    await gate.must([program, ...'-A INPUT -p tcp --dport 23 -j ACCEPT'.split(' ')])
  assert.deepEqual(await said(), [], 'the control')
  const limit = '--dport 22 -m limit --limit 1/hour -j ACCEPT'
  await gate.must(['iptables-legacy', '-A', 'INPUT', '-p', 'tcp', ...limit.split(' ')])
  const above = '--dport 2205 -m connlimit --connlimit-above 1 -j DROP'
  await gate.must(['ip6tables-legacy', '-A', 'INPUT', '-p', 'tcp', ...above.split(' ')])
  const [text, ...more] = await said()
  assert.match(text!, /\(ip filter, ip6 filter\) refuse at tcp\/22, tcp\/2205 by a rate/)
  assert.deepEqual(more, [])
})

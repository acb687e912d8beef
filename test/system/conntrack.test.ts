/** Hosts in use, from the connections that conntrack really has, and where it does not tell. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { NetlinkError } from '../../packages/nfnetlink/src/index.ts'
import { flowsInUse, hostsConnected } from '../../src/system/conntrack.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { prefixSet } from '../../src/terms/prefix-set.ts'
import { describeInNamespace } from '../support/in-namespace.ts'

const OWN = ['192.0.2.1', '2001:db8::1'] as Address[]
/** Arguments of conntrack -I. */
const TCP = '-p tcp --sport 1000 --dport 443 -t 100 --state'
const FLOWS = [
  `${TCP} ESTABLISHED -u SEEN_REPLY,ASSURED -s 192.0.2.1 -d 198.18.0.1`, // from here
  `${TCP} ESTABLISHED -u SEEN_REPLY,ASSURED -s 2001:db8::1 -d 2001:db8:1::1`,
  `${TCP} ESTABLISHED -u SEEN_REPLY,ASSURED -s 10.0.0.5 -d 198.18.0.2 --src-nat 192.0.2.1`, // from behind, translated
  `${TCP} ESTABLISHED -u SEEN_REPLY,ASSURED -s 198.18.0.3 -d 192.0.2.1`, // to us
  `${TCP} ESTABLISHED -u SEEN_REPLY,ASSURED -s 2001:db8:1::3 -d 2001:db8::1`,
  `${TCP} SYN_RECV -u SEEN_REPLY -s 192.0.2.1 -d 198.18.0.4`, // a SYN and its answer
  `${TCP} SYN_SENT -s 192.0.2.1 -d 198.18.0.5`, // nobody answered
  '-p udp --sport 1000 --dport 123 -t 100 -u SEEN_REPLY -s 192.0.2.1 -d 198.18.0.6',
  '-p udp --sport 1001 --dport 123 -t 100 -u SEEN_REPLY -s 192.0.2.1 -d 198.18.0.6',
  '-p udp --sport 1000 --dport 123 -t 100 -s 192.0.2.1 -d 198.18.0.7',
  `${TCP} ESTABLISHED -u SEEN_REPLY,ASSURED -s 127.0.0.1 -d 127.0.0.1`,
]
const nobody = () => false
const wanting = (most: number, sticks: (host: Address) => boolean = nobody) => ({ most, sticks })
const IN_USE = ['198.18.0.1', '198.18.0.2', '198.18.0.6', '2001:db8:1::1']

describeInNamespace(import.meta.url, () => {
  for (const flow of FLOWS) execFileSync('conntrack', ['-I', ...flow.split(' ')], { stdio: 'ignore' })

  test('in use is who was opened from here or behind, and has answered; nobody who has opened to us', async () => {
    const { hosts, told } = await flowsInUse(OWN, wanting(100))
    assert.deepEqual([hosts.toSorted(), told], [IN_USE, 'whole'])
  })

  test('of who sticks it tells the flows, as their answers come; never one that he has opened, nor a SYN and its answer', async () => {
    const asked: Address[] = []
    const { hosts, called } = await flowsInUse(
      OWN,
      wanting(100, host => asked.push(host) > 0 && !['198.18.0.1', '127.0.0.1'].includes(host)),
    )
    assert.deepEqual(hosts.toSorted(), IN_USE)
    assert.deepEqual(called.toSorted(), [
      ['198.18.0.2', 6, 443, 1000],
      ['198.18.0.6', 17, 123, 1000],
      ['198.18.0.6', 17, 123, 1001],
      ['2001:db8:1::1', 6, 443, 1000],
    ])
    assert.deepEqual(asked.toSorted(), ['127.0.0.1', ...IN_USE], 'each host once')
  })

  test('connected is whoever has a whole connection, whoever opened it; of those that are asked for', async () => {
    const wanted = ['198.18.0.0/16', '2001:db8:1::/64'].map(text => parsePrefix(text)!)
    const hosts = ['198.18.0.1', '198.18.0.2', '198.18.0.3', '2001:db8:1::1', '2001:db8:1::3']
    assert.deepEqual([...(await hostsConnected(prefixSet(wanted)))].toSorted(), hosts)
    const one = [parsePrefix('198.18.0.3')!]
    assert.deepEqual([...(await hostsConnected(prefixSet(one)))], ['198.18.0.3'])
  })

  test('of more hosts than are wanted some are told, and that there are more', async () => {
    const { hosts, told } = await flowsInUse(OWN, wanting(2))
    assert.equal(told, 'cut')
    assert.ok(hosts.length <= 2)
  })

  test('while much is read that nobody has answered, everything else goes on', async () => {
    const many = Array.from(
      { length: 20_000 },
      (_, i) => `-I -p udp --sport ${i + 1} --dport 9 -t 100 -s 192.0.2.1 -d 198.18.1.1`,
    )
    const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-conntrack-'))
    writeFileSync(join(directory, 'flows'), many.join('\n'))
    execFileSync('conntrack', ['-R', join(directory, 'flows')], { stdio: 'ignore' })
    rmSync(directory, { recursive: true })
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    const { hosts } = await flowsInUse(OWN, wanting(100))
    clearInterval(counting)
    assert.deepEqual(hosts.toSorted(), IN_USE)
    assert.ok(turns > 0)
  })
})

test('a kernel that does not tell is no failure', async () => {
  const refuse = () => Promise.reject(new NetlinkError('failed', 'the kernel refuses a dump', 22))
  assert.deepEqual(await flowsInUse(OWN, wanting(100), refuse), {
    hosts: [],
    called: [],
    told: 'untold',
  })
  await assert.rejects(flowsInUse(OWN, wanting(100), () => Promise.reject(new Error('a mistake of ours'))))
})

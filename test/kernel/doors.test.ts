/**
 * Doors: ports that stay reachable for whoever sticks, however that came, and only as sockets of this machine. WireGuard itself is tried in the virtual
 * machine (test/vm/inside/wireguard.test.ts); here a service that answers everybody stands in its place, so that what would get through is seen.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firewall } from '../support/scanning.ts'
import { serve } from '../support/server.ts'
import { BEHIND, GATE, hosts } from '../support/silence.ts'
import { listed, loadTrap, put } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const DOOR = 51_820
const FAMILIES = [
  { six: '', here: GATE[0]!, behind: BEHIND[0]!, fly: '192.0.2.9', nets: '192.0.2.8/30' },
  { six: '6', here: GATE[1]!, behind: BEHIND[1]!, fly: '2001:db8:1::9', nets: '2001:db8:1::8/126' },
] as const

/** What whoever sends a word there hears. */
async function said(from: Host, to: string, port: number, ...options: string[]): Promise<string> {
  const { stdout } = await from.run(['nc', '-w', '1', ...options, to, String(port)], { input: 'word\n' })
  return stdout.trim()
}

async function heard(from: Host, to: string) {
  const [door, beside, tcp, ssh] = await Promise.all([
    said(from, to, DOOR, '-u'),
    said(from, to, DOOR + 1, '-u'),
    said(from, to, DOOR),
    said(from, to, 22),
  ])
  return { door, beside, tcp, ssh }
}

const NOTHING = { door: '', beside: '', tcp: '', ssh: '' }
const THE_DOOR = { ...NOTHING, door: 'word' }
const ALL = { door: 'word', beside: 'word', tcp: `port ${DOOR}\r\nword`, ssh: 'port 22\r\nword' }

for (const mode of ['listening', 'unmatched', 'unaccepted'])
  test(`closed = "${mode}": who sticks reaches the doors, and nothing else, also when he was locked out by hand`, async () => {
    await using world = await makeWorld()
    const { gate, sender: fly } = await hosts(world)
    if (mode === 'unmatched')
      await gate.nft(firewall(`tcp dport { 22, ${DOOR} }`, `udp dport { ${DOOR}, ${DOOR + 1} }`))
    await loadTrap(gate, `closed = "${mode}"`)
    await put(gate, 'flypaper_single6', '2001:db8:1::/64')
    await serve(gate, 'tcp:22', `tcp:${DOOR}`, `udp:${DOOR}`, `udp:${DOOR + 1}`)
    for (const { six, here, fly: source, nets } of FAMILIES) {
      const acquainted = async () => [
        ...(await listed(gate, `flypaper_known${six}`)),
        ...(await listed(gate, `flypaper_peers${six}`)),
      ]
      const ways = [
        [`flypaper${six}`, source],
        [`flypaper_hold${six}`, source],
        [`flypaper_nets${six}`, nets],
      ] as const
      for (const [set, element] of ways)
        for (const byHand of [false, true]) {
          await put(gate, set, element)
          if (byHand) await put(gate, `flypaper_by_hand${six}`, source)
          if (!byHand) assert.deepEqual(await heard(fly, here), NOTHING, `${set}: no door is told yet`)
          await put(gate, 'flypaper_doors', `udp . ${DOOR}`)
          assert.deepEqual(await heard(fly, here), THE_DOOR, `${set}, by hand: ${byHand}`)
          assert.deepEqual(await acquainted(), [], 'it is neither known by that, nor somebody whom we use')
          for (const one of [set, `flypaper_by_hand${six}`, 'flypaper_doors'])
            await gate.nft(`flush set inet filter ${one}`)
        }
      assert.deepEqual(await heard(fly, here), ALL, 'freed, all is as before')
    }
  })

test('doors = false: they are shut as everything else is', async () => {
  await using world = await makeWorld()
  const { gate, sender: fly } = await hosts(world)
  await loadTrap(gate, 'closed = "listening"\ndoors = false')
  await serve(gate, 'tcp:22', `tcp:${DOOR}`, `udp:${DOOR}`, `udp:${DOOR + 1}`)
  await put(gate, 'flypaper_doors', `udp . ${DOOR}`)
  await put(gate, 'flypaper', FAMILIES[0].fly)
  assert.deepEqual(await heard(fly, GATE[0]!), NOTHING)
})

/** What is made of the door on its way, before anybody here would have it. */
const TRANSLATED = {
  'to a host behind': [`dnat ip to ${BEHIND[0]}:${DOOR}`, `dnat ip6 to [${BEHIND[1]}]:${DOOR}`],
  'to another port here': [`meta nfproto ipv4 redirect to :53`, `meta nfproto ipv6 redirect to :53`],
} as const

test('what is forwarded or translated is no door, though it has the port of one', async () => {
  await using world = await makeWorld()
  const { gate, sender: fly, behind } = await hosts(world)
  await loadTrap(gate, 'closed = "listening"')
  await put(gate, 'flypaper_doors', `udp . ${DOOR}`)
  await serve(gate, 'udp:53', `udp:${DOOR}`)
  await serve(behind, `udp:${DOOR}`)
  const stick = async () => {
    await put(gate, 'flypaper', '192.0.2.9')
    await put(gate, 'flypaper6', '2001:db8:1::')
  }
  const free = () => gate.nft('flush set inet filter flypaper; flush set inet filter flypaper6')
  await stick()
  for (const { here, behind: there } of FAMILIES) {
    assert.equal(await said(fly, here, DOOR, '-u'), 'word', 'the control: our own socket')
    assert.equal(await said(fly, there, DOOR, '-u'), '', 'forwarded')
  }
  for (const [what, rules] of Object.entries(TRANSLATED)) {
    const chain = rules.map(rule => `    udp dport ${DOOR} ${rule}\n`).join('')
    await gate.nft(
      `table inet theirs {\n  chain prerouting {\n    type nat hook prerouting priority dstnat\n${chain}  }\n}`,
    )
    await free()
    for (const { here } of FAMILIES)
      assert.equal(await said(fly, here, DOOR, '-u'), 'word', `the control: ${what}`)
    await stick()
    for (const { here } of FAMILIES) assert.equal(await said(fly, here, DOOR, '-u'), '', what)
    await gate.nft('delete table inet theirs')
  }
})

/** Weak evidence, by the rules alone: the third different port shuts its source out in the same packet, and nothing else does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { listed, loadTrap, put, whoOf } from '../support/trap.ts'
import { type Host, makeWorld } from '../support/world.ts'

const ACK = 0x10

/** In which set a source is of this class, by which flags a packet is evidence of it, and in which set it is shut out. */
const CLASSES = [
  { name: 'peer', of: 'flypaper_peers', flags: 0x02, shutOut: 'flypaper_pending', n: 1 },
  { name: 'known', of: 'flypaper_known', flags: 0x02, shutOut: 'flypaper_pending', n: 2 },
  { name: 'late', of: undefined, flags: ACK, shutOut: 'flypaper_hold', n: 3 },
] as const

/** One of each family; of IPv6 the /64 is named, and once the host alone. */
const FAMILIES = [
  { six: '', source: (n: number) => `198.18.0.${n}`, fly: (n: number) => `198.18.0.${n}` },
  { six: '6', source: (n: number) => `2001:db8:2:${n}::7`, fly: (n: number) => `2001:db8:2:${n}::` },
  { six: '6', source: (n: number) => `2001:db8:2:90::${n}`, fly: (n: number) => `2001:db8:2:90::${n}` },
] as const

async function armed(toml = '') {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/16', '2001:db8:2::/48')
  await serve(gate, 'tcp:22')
  await loadTrap(gate, toml)
  await put(gate, 'flypaper_single6', '2001:db8:2:90::/64')
  return { world, gate, scanner }
}

let from = 20_000

/** TCP packets of one source, one after the other, each of another flow; how many of them the open port answered. */
async function tries(scanner: Host, source: string, ports: readonly number[], flags = 0x02): Promise<number> {
  const destination = source.includes(':') ? GATE6 : GATE
  const burst = ports.map(tcp => ({ source, destination, tcp, flags, from: from++ }))
  const { answers } = await send(scanner, { bursts: [burst] })
  return answers.filter(({ kind, destination: to }) => kind === 'syn-ack' && to === source).length
}

async function known(gate: Host, set: string | undefined, six: string, fly: string): Promise<void> {
  if (set !== undefined) await put(gate, `${set}${six}`, fly)
}

for (const { name, of, flags, shutOut, n } of CLASSES) {
  test(`${name}: not one port again and again, nor two, but the third; both families`, async () => {
    const { world, gate, scanner } = await armed()
    await using _ = world
    for (const { six, source, fly } of FAMILIES) {
      const [who, named] = [source(n), fly(n)]
      await known(gate, of, six, named)
      await tries(scanner, who, [81, 81, 81, 82, 82, 81], flags)
      assert.ok(!(await listed(gate, `${shutOut}${six}`)).includes(named), `${named} has tried two ports`)
      assert.equal(await tries(scanner, who, [22]), 1, 'the control: who is not shut out is answered')
      await tries(scanner, who, [83], flags)
      assert.ok((await listed(gate, `${shutOut}${six}`)).includes(named), `${named} has tried the third`)
      assert.equal(await tries(scanner, who, [22]), 0)
    }
  })
}

test('two ports of a host in a /64 and one of its neighbour are three ports of the /64', async () => {
  const { world, gate, scanner } = await armed()
  await using _ = world
  await tries(scanner, '2001:db8:2:5::1', [81, 82], ACK)
  await tries(scanner, '2001:db8:2:5::2', [81, 82], ACK)
  assert.deepEqual(await listed(gate, 'flypaper_hold6'), [])
  await tries(scanner, '2001:db8:2:5::3', [83], ACK)
  assert.deepEqual(await listed(gate, 'flypaper_hold6'), ['2001:db8:2:5::'])
})

test('who is pending opens nothing, here or through this machine; what he has open lives', async () => {
  for (const closed of ['listening', 'unmatched']) {
    const { world, gate, scanner } = await armed(`closed = "${closed}"`)
    await using _ = world
    await gate.forward()
    await scanner.route('198.18.200.0/24', GATE)
    const client = await scanner.start([
      'sh',
      '-c',
      '(sleep 3; echo still here; sleep 2) | nc -w 5 192.0.2.1 22',
    ])
    const through = async (source: string) => {
      await send(scanner, { bursts: [[{ source, destination: '198.18.200.1', tcp: 22 }]] })
      return (await whoOf(gate, [source], 'passed')).length
    }
    assert.equal(await through('198.18.0.51'), 1, 'the control')
    await put(gate, 'flypaper_pending', '198.18.0.52', '192.0.2.9')
    assert.equal(await through('198.18.0.52'), 0, closed)
    assert.equal(await tries(scanner, '198.18.0.52', [22]), 0, closed)
    assert.equal(await tries(scanner, '198.18.0.53', [22]), 1, 'the control')
    await client.says(/still here/)
  }
})

test('what is full counts nobody, and who is not counted is not shut out', async () => {
  const { world, gate, scanner } = await armed()
  await using _ = world
  const ruleset = rulesetOf(parseSettings('', 'test'), 'log')
  for (const full of ['flypaper_tried_known', 'flypaper_count_known']) {
    const sets = ruleset.sets.map(set => (set.name === full ? { ...set, size: 1 } : set))
    await gate.nft('delete table inet filter')
    await gate.nft(render({ ...ruleset, sets }))
    await put(gate, 'flypaper_known', '198.18.0.61', '198.18.0.62')
    await put(gate, full, full.includes('tried') ? '198.18.0.60 . tcp . 81' : '198.18.0.60')
    await tries(scanner, '198.18.0.61', [81, 82, 83, 84, 85])
    assert.deepEqual(await listed(gate, 'flypaper_pending'), [], full)
    assert.deepEqual(await listed(gate, 'flypaper_hold'), [], full)
    assert.equal(await tries(scanner, '198.18.0.61', [22]), 1)

    await gate.nft(`flush set inet filter ${full}`)
    if (full.includes('tried')) continue // one of its places is not enough for three ports
    await tries(scanner, '198.18.0.62', [81, 82, 83])
    assert.deepEqual(
      await listed(gate, 'flypaper_pending'),
      ['198.18.0.62'],
      'the control: there is room again',
    )
  }
})

test('in a dry run nobody is counted, and nobody shut out', async () => {
  for (const dry of [true, false]) {
    const { world, gate, scanner } = await armed(`dry_run = ${dry}`)
    await using _ = world
    await put(gate, 'flypaper_known', '198.18.0.71')
    await tries(scanner, '198.18.0.71', [81, 82, 83])
    await tries(scanner, '198.18.0.72', [81, 82, 83], ACK)
    assert.deepEqual(await listed(gate, 'flypaper_pending'), dry ? [] : ['198.18.0.71'])
    assert.deepEqual(await listed(gate, 'flypaper_hold'), dry ? [] : ['198.18.0.72'])
  }
})

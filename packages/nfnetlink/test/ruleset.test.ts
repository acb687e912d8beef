/** The watch over a table, in a namespace of its own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { describeInNamespace } from '../../../test/support/in-namespace.ts'
import { countElements, openElements, readElements, watchRuleset } from '../src/index.ts'
import { HOST_LITTLE_ENDIAN } from '../src/message.ts'
import { CHANGES_MAX } from '../src/ruleset.ts'
import { makeSlots } from '../src/slots.ts'
import { openSocket } from '../src/socket.ts'

/** As the flies of a restart go in: so many pieces, with one turn of the event loop between two. */
const PIECES = 500
const PIECE = 1000

const NETLINK_NETFILTER = 12
const GROUP_NFTABLES = 1 << 6

function portIn(datagram: Uint8Array): number {
  return new DataView(datagram.buffer, datagram.byteOffset).getUint32(12, HOST_LITTLE_ENDIAN)
}

describeInNamespace(import.meta.url, () => {
  test('whoever writes half a million elements loses no announcement, and none of his own is told', async () => {
    const nft = (command: string) => execFileSync('nft', ['-f', '-'], { input: command })
    nft('table inet filter { set flies { type ipv4_addr; flags timeout; size 1048576; }; }')
    let lost = 0
    const told: string[] = []
    using _ = watchRuleset({
      table: 'filter',
      onChange: ({ name, changes }) => told.push(`${name}: ${changes.length}`),
      onLost: () => lost++,
      onError: error => assert.fail(error),
    })
    using elements = openElements('filter')
    for (let piece = 0; piece < PIECES; piece++) {
      const those = Array.from({ length: PIECE }, (_, i) => {
        const n = piece * PIECE + i
        return { key: Uint8Array.of(10, n >> 16, n >> 8, n), timeoutMs: 3600_000 }
      })
      elements.change([
        { op: 'add', set: 'flies', elements: those },
        { op: 'delete', set: 'flies', elements: those },
        { op: 'add', set: 'flies', elements: those },
      ])
      await turn()
    }
    nft('add element inet filter flies { 192.0.2.1 }')
    for (let patience = 100; told.length === 0 && patience > 0; patience--) await sleep(50)
    assert.equal(lost, 0)
    assert.deepEqual(told, ['nft: 1'])
  })

  test('elements of sets that do not interest are not told, and leave nothing out of what is', async () => {
    const nft = (command: string) => execFileSync('nft', ['-f', '-'], { input: command })
    const large = (set: string) => {
      const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      const elements = Array.from({ length: CHANGES_MAX + 1 }, (_, i) => address(i))
      return `add element inet crowd ${set} { ${elements.join()} }\nadd element inet crowd last { 192.0.2.1 }\n`
    }
    nft(`table inet crowd {
      set flies { type ipv4_addr; }
      set theirs { type ipv4_addr; }
      set last { type ipv4_addr; }
    }`)
    const told: string[] = []
    using _ = watchRuleset({
      table: 'crowd',
      elementsOf: set => set !== 'theirs',
      onChange: ({ changes, cut }) => told.push(`${changes.length}${cut ? ', cut' : ''}`),
      onLost: () => assert.fail(),
      onError: error => assert.fail(error),
    })
    nft(large('theirs'))
    nft('delete element inet crowd theirs { 10.0.0.1 }')
    nft('delete element inet crowd last { 192.0.2.1 }')
    nft(large('flies')) // The control.
    for (let patience = 400; told.length < 3 && patience > 0; patience--) await sleep(50)
    assert.deepEqual(told, ['1', '1', `${CHANGES_MAX}, cut`])
  })

  test('that others change rules is told, of whichever table; not what they do to elements', async () => {
    const nft = (command: string) => execFileSync('nft', ['-f', '-'], { input: command })
    const told: string[] = []
    using _ = watchRuleset({
      table: 'filter',
      onChange() {},
      onRules: {
        counts({ op, kind, table, name }) {
          told.push(`${op} ${kind} ${table} ${name}`)
          return name !== 'ours'
        },
        told: () => told.push('.'),
      },
      onLost: () => assert.fail(),
      onError: error => assert.fail(error),
    })
    nft('table ip theirs { set s { type ipv4_addr; }; chain c { }; }')
    nft('add element ip theirs s { 192.0.2.1 }; delete element ip theirs s { 192.0.2.1 }')
    nft('add rule ip theirs c ip saddr @s drop')
    nft('add chain ip theirs ours')
    nft('table ip theirs { flags dormant; }')
    nft('delete table ip theirs')
    for (let patience = 100; told.length < 13 && patience > 0; patience--) await sleep(50)
    assert.deepEqual(told, [
      'new table theirs theirs',
      'new chain theirs c',
      '.',
      'new rule theirs c',
      '.',
      'new chain theirs ours',
      'new table theirs theirs',
      '.',
      'delete rule theirs c',
      'delete chain theirs c',
      'delete chain theirs ours',
      'delete table theirs theirs',
      '.',
    ])
  })

  test('a large set is read and counted piece by piece: everything else has its turns', async () => {
    execFileSync('nft', ['-f', '-'], { input: 'table inet filter { set many { type ipv4_addr; }; }' })
    using elements = openElements('filter')
    const SIZE = 20_000
    for (let at = 0; at < SIZE; at += PIECE) {
      const those = Array.from({ length: PIECE }, (_, i) => ({
        key: Uint8Array.of(10, 0, (at + i) >> 8, at + i),
        timeoutMs: undefined,
      }))
      elements.change([{ op: 'add', set: 'many', elements: those }])
    }
    const turnsOf = async <T>(work: Promise<T>): Promise<[T, number]> => {
      let turns = 0
      let isOver = false
      const done = work.finally(() => {
        isOver = true
      })
      while (!isOver) {
        await turn()
        turns++
      }
      return [await done, turns]
    }
    // One datagram has 32 KB, and an element 20 bytes.
    const least = SIZE / (32_768 / 20) / 2
    const [count, turns] = await turnsOf(countElements('filter', 'many', SIZE))
    assert.equal(count, SIZE)
    assert.ok(turns >= least, `${turns} turns`)
    const [found, more] = await turnsOf(readElements('filter', 'many', SIZE))
    assert.equal(found!.length, SIZE)
    assert.ok(more >= least, `${more} turns`)
    assert.equal(await countElements('filter', 'many', SIZE - 1), undefined)
    assert.equal(await readElements('filter', 'many', SIZE - 1), undefined)
    assert.equal(await countElements('filter', 'none', SIZE), 0)
  })

  test('of a port that is ignored the kernel tells nothing, of all others as before', () => {
    execFileSync('nft', ['-f', '-'], { input: 'table inet filter { set few { type ipv4_addr; }; }' })
    using socket = openSocket(NETLINK_NETFILTER, GROUP_NFTABLES, 1 << 20)
    const slots = makeSlots(8192, 16)
    using ours = openElements('filter')
    using theirs = openElements('filter')
    let n = 0
    const add = (elements: typeof ours) =>
      elements.change([{ op: 'add', set: 'few', elements: [{ key: 0x0a00_0000 + n++ }] }])
    function portsOf(act: () => void): number[] {
      act()
      const count = Math.max(0, socket.receive(slots))
      return Array.from({ length: count }, (_, slot) => portIn(slots.datagram(slot)))
    }
    const [our] = portsOf(() => add(ours))
    const [their] = portsOf(() => add(theirs))
    assert.ok(our !== undefined && their !== undefined && our !== their)
    socket.ignore([1, our])
    assert.deepEqual(
      portsOf(() => add(ours)),
      [],
    )
    assert.deepEqual(new Set(portsOf(() => add(theirs))), new Set([their]))
    socket.ignore([our, their])
    assert.deepEqual(
      portsOf(() => {
        add(ours)
        add(theirs)
      }),
      [],
    )
    assert.equal(socket.overruns(), 0)
  })
})

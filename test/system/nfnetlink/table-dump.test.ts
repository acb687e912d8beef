/** What the kernel tells of a table, beside what nft was told to load; and any bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { readTableDatagram } from '../../../src/system/nfnetlink/table-parse.ts'
import { makeWorld } from '../../support/world.ts'

const LIBRARY = fileURLToPath(new URL('../../../src/system/nfnetlink/index.ts', import.meta.url))
const RULES = `
table inet another { chain early { type filter hook input priority 5; }; set s { type ipv4_addr; }; }
table inet filter {
  set s { type ipv4_addr; size 100; flags dynamic, timeout; timeout 20s; gc-interval 3s; }
  set own { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 }; }
  chain early { type filter hook prerouting priority -450; policy drop; ip saddr @s drop comment "first"; counter; }
  chain plain { }
}`

test('a table with its chains, sets and rules', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  const read = async () =>
    JSON.parse(
      await host.must([
        process.execPath,
        '-e',
        `import(${JSON.stringify(LIBRARY)}).then(({ readTable }) => {
           const table = readTable('filter', ['early', 'missing'])
           console.log(JSON.stringify(table === undefined ? null : { ...table, rules: [...table.rules] }))
         })`,
      ]),
    )
  assert.equal(await read(), null)
  await host.nft(RULES)
  const { chains, sets, rules, isDormant } = await read()
  assert.equal(isDormant, false)
  const withoutHandles = (all: { handle: number }[]) => all.map(({ handle: _, ...rest }) => rest)
  assert.deepEqual(withoutHandles(chains), [
    { name: 'early', base: { type: 'filter', hook: 0, priority: -450, policy: 'drop' } },
    { name: 'plain' },
  ])
  assert.deepEqual(withoutHandles(sets), [
    { name: 's', flags: 0x30, size: 100, timeoutMs: 20_000, gcMs: 3000 },
    { name: 'own', flags: 0x4, size: 0, timeoutMs: 0, gcMs: 0 },
  ])
  const [[early, found], [missing, none]] = rules
  assert.deepEqual(
    [early, withoutHandles(found), missing, none],
    ['early', [{ comment: 'first' }, {}], 'missing', []],
  )
  await host.nft('add table inet filter { flags dormant; }')
  assert.equal((await read()).isDormant, true)
})

test('any bytes: no throw, no loop, nothing from outside', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), bytes => void readTableDatagram(bytes)))
  // Of messages whose header is right.
  const message = (type: number, body: Uint8Array) => {
    const bytes = Buffer.alloc(16 + body.length)
    bytes.writeUInt32LE(bytes.length, 0)
    bytes.writeUInt16LE((10 << 8) | type, 4)
    bytes.set(body, 16)
    return bytes
  }
  fc.assert(
    fc.property(
      fc.constantFrom(0, 3, 6, 9),
      fc.uint8Array({ maxLength: 400 }),
      (type, body) => void readTableDatagram(message(type, body)),
    ),
  )
})

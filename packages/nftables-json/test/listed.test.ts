import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NftablesError, restore } from '../src/index.ts'
import { elementsOf, parseListing } from '../src/listed.ts'
import { changeOf } from '../src/monitor.ts'

const listing = (...objects: unknown[]) =>
  parseListing(JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...objects] }))
const inTable = { family: 'inet', table: 't', handle: 7 }

test('the version is read, and the objects of our kinds are typed', () => {
  const { version, objects } = listing({ chain: { ...inTable, name: 'c', prio: -450, colour: 'blue' } })
  assert.equal(version, '1.0.6')
  assert.deepEqual(objects, [{ kind: 'chain', ...inTable, name: 'c', prio: -450, colour: 'blue' }])
})

test('a kind that we do not know, and one that we cannot read, do not hide the rest', () => {
  const { objects } = listing(
    { quota: { ...inTable, name: 'q' } },
    { rule: { ...inTable, chain: 'c' } },
    { hologram: 3 },
    {},
    { set: { ...inTable, name: 's', type: { typeof: 'later' }, flags: 'interval' } },
  )
  assert.deepEqual(
    objects.map(object => (object.kind === 'other' ? [object.type, object.table] : object.kind)),
    [['quota', 't'], ['rule', 't'], ['hologram', undefined], ['', undefined], 'set'],
  )
  const set = objects.at(-1)
  assert.deepEqual(set?.kind === 'set' ? set.flags : set, ['interval'])
})

test('elements with and without attributes have one shape', () => {
  const elem = [
    '192.0.2.1',
    { elem: { val: 5, timeout: 60, expires: 50, later: 1 } },
    { concat: ['192.0.2.1', 80] },
  ]
  assert.deepEqual(elementsOf(listing({ set: { ...inTable, name: 's', type: 'ipv4_addr', elem } })), [
    { val: '192.0.2.1' },
    { val: 5, timeout: 60, expires: 50, later: 1 },
    { val: { concat: ['192.0.2.1', 80] } },
  ])
  assert.deepEqual(elementsOf(listing({ set: { ...inTable, name: 's', type: 'ipv4_addr' } })), [])
})

test('no JSON is `unsupported`, with what was printed wrong as the cause', () => {
  for (const output of ['', 'table inet t {', '[]', '{"nftables": 3}'])
    assert.throws(
      () => parseListing(output),
      (error: unknown) =>
        error instanceof NftablesError && error.code === 'unsupported' && error.cause !== undefined,
    )
})

test('property: whatever another version lists, each object is there, and nothing throws; what is not known is handed back', () => {
  const kinds = [
    'table',
    'chain',
    'rule',
    'set',
    'map',
    'element',
    'flowtable',
    'counter',
    'limit',
    'ct helper',
    'tunnel',
    '__proto__',
  ]
  const properties = [
    'family',
    'table',
    'name',
    'chain',
    'handle',
    'expr',
    'elem',
    'type',
    'flags',
    'dev',
    'prio',
    'set',
  ]
  const content = fc.dictionary(
    fc.constantFrom(...properties),
    fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('inet', 't', 7)),
  )
  const object = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }).map(value => ({ surprise: value })),
    fc.tuple(fc.constantFrom(...kinds), content).map(([kind, value]) => ({ [kind]: value })),
  )
  fc.assert(
    fc.property(fc.array(object), objects => {
      const listed = listing(...objects).objects
      assert.equal(listed.length, objects.length)
      const { commands, left } = restore(listed)
      assert.equal(commands.length + left.length, objects.length)
    }),
  )
})

test('property: no line of a monitor throws', () => {
  const words = fc.constantFrom(
    '{"add": {"rule": {',
    '"family": "inet"',
    '}}}',
    '# ERROR: lost',
    '[',
    '{"delete": ',
    'null',
  )
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(words).map(list => list.join(' ')),
  )
  fc.assert(fc.property(line, text => void changeOf(text)))
  assert.deepEqual(changeOf('# ERROR: No buffer space available'), { verb: 'lost' })
  assert.deepEqual(changeOf('{"add": {"hologram": 3}}'), {
    verb: 'add',
    object: { kind: 'other', type: 'hologram', table: undefined, value: 3 },
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NftablesError } from '../src/index.ts'
import { elementsOf, parseListing } from '../src/listed.ts'

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

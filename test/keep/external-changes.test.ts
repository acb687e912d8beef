import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ForeignChange, meaningOf } from '../../src/keep/external-changes.ts'
import type { Address } from '../../src/terms/address.ts'

const elements = (...texts: string[]) => texts.map(text => ({ element: text as Address, seconds: 60 }))
const meaning = (changes: ForeignChange[], chains: string[] = [], cut = false) =>
  meaningOf({ pid: 1, name: 'nft', changes, cut }, chains)
const FLUSHED = { meaning: 'flushed' }
const NOTHING = { meaning: 'nothing' }

test('elements of the flypaper: freed, and by hand', () => {
  assert.deepEqual(
    meaning([
      { op: 'delete', kind: 'element', name: 'flypaper', elements: elements('192.0.2.1', '192.0.2.2') },
      {
        op: 'delete',
        kind: 'element',
        name: 'flypaper6',
        elements: elements('2001:db8:1::', '2001:db8:2::5'),
      },
      { op: 'new', kind: 'element', name: 'flypaper', elements: elements('192.0.2.3') },
    ]),
    {
      meaning: 'flies',
      freed: ['192.0.2.1', '192.0.2.2', '2001:db8:1::/64', '2001:db8:2::5'],
      added: [{ fly: '192.0.2.3', seconds: 60 }],
    },
  )
})

test('who is added and deleted, or deleted and added, in one transaction', () => {
  const change = (op: 'new' | 'delete'): ForeignChange => ({
    op,
    kind: 'element',
    name: 'flypaper',
    elements: elements('192.0.2.1'),
  })
  assert.deepEqual(meaning([change('new'), change('delete')]), NOTHING)
  assert.deepEqual(meaning([change('delete'), change('new')]), {
    meaning: 'flies',
    freed: [],
    added: [{ fly: '192.0.2.1', seconds: 60 }],
  })
})

test('half a trap: the table, a set, a chain, a rule, the elements that the daemon keeps, or more than was told', () => {
  const broken: ForeignChange[] = [
    { op: 'delete', kind: 'table', name: 'filter' },
    { op: 'delete', kind: 'set', name: 'flypaper_hold' },
    { op: 'delete', kind: 'chain', name: 'flypaper_judge' },
    { op: 'delete', kind: 'rule', name: 'flypaper_early' },
    { op: 'new', kind: 'rule', name: 'flypaper_early' },
    { op: 'delete', kind: 'element', name: 'flypaper_never', elements: [] },
    { op: 'delete', kind: 'element', name: 'flypaper_nets', elements: [] },
  ]
  for (const change of broken) assert.deepEqual(meaning([change]), FLUSHED, JSON.stringify(change))
  const element: ForeignChange = {
    op: 'delete',
    kind: 'element',
    name: 'flypaper',
    elements: elements('192.0.2.1'),
  }
  assert.deepEqual(meaning([element], [], true), FLUSHED)
  assert.deepEqual(meaning([element, broken[1]!]), FLUSHED, 'what else was done does not count then')
})

test('what is not ours means nothing, but for the chains that shall have the jump', () => {
  const others: ForeignChange[] = [
    { op: 'new', kind: 'table', name: 'filter' },
    { op: 'delete', kind: 'set', name: 'blocklist' },
    { op: 'new', kind: 'chain', name: 'input' },
    { op: 'delete', kind: 'rule', name: 'input' },
    { op: 'new', kind: 'rule', name: 'input' },
    { op: 'new', kind: 'element', name: 'blocklist', elements: elements('192.0.2.1') },
    { op: 'delete', kind: 'element', name: 'flypaper_hold', elements: elements('192.0.2.1') },
  ]
  assert.deepEqual(meaning(others), NOTHING)
  assert.deepEqual(meaning([others[2]!], ['input']), FLUSHED)
  assert.deepEqual(meaning([others[3]!], ['input']), FLUSHED)
  assert.deepEqual(meaning([others[4]!], ['input']), NOTHING)
})

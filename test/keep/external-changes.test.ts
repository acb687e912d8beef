import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ForeignChange, holdsEnded, meaningOf } from '../../src/keep/external-changes.ts'
import type { Address } from '../../src/terms/address.ts'

const elements = (...texts: string[]) => texts.map(text => ({ element: text as Address, seconds: 60 }))
const meaning = (changes: ForeignChange[], chains: string[] = [], cut = false) =>
  meaningOf({ pid: 1, name: 'nft', changes, cut }, chains)
const FLUSHED = { meaning: 'flushed', strange: [] }
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
      isTouched: false,
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
    isTouched: false,
  })
})

const CHANGED = { meaning: 'changed', strange: [] }
const TOUCHED = { meaning: 'touched' }

test('half a trap: the table, a set, a chain or a rule is gone, or more was done than is told', () => {
  const broken: ForeignChange[] = [
    { op: 'delete', kind: 'table', name: 'filter' },
    { op: 'delete', kind: 'set', name: 'flypaper_hold' },
    { op: 'delete', kind: 'chain', name: 'flypaper_judge' },
    { op: 'delete', kind: 'rule', name: 'flypaper_early' },
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

test('another trap: a rule more, elements that the daemon or packets put in, an element that stands for all', () => {
  const key = Uint8Array.of(192, 0, 2, 1)
  const element = (op: 'new' | 'delete', name: string, catchAll?: true): ForeignChange => ({
    ...{ op, kind: 'element', name, elements: elements('192.0.2.1'), keys: [key] },
    ...(catchAll && { catchAll }),
  })
  assert.deepEqual(meaning([{ op: 'new', kind: 'rule', name: 'flypaper_early' }]), CHANGED)
  for (const set of ['flypaper_never', 'flypaper_nets', 'flypaper_known', 'flypaper_served'])
    assert.deepEqual(meaning([element('delete', set)]), CHANGED, set)
  const unheld = [element('delete', 'flypaper_hold')]
  assert.deepEqual(meaning(unheld), NOTHING)
  assert.equal(holdsEnded({ pid: 1, name: 'nft', cut: false, changes: unheld }), 1)
  assert.deepEqual(meaning([element('new', 'flypaper_hold'), element('new', 'flypaper')]), {
    meaning: 'changed',
    strange: [{ set: 'flypaper_hold', keys: [key] }],
  })
  for (const set of ['flypaper', 'flypaper_hold'])
    assert.deepEqual(meaning([element('new', set, true)]), { meaning: 'changed', strange: [{ set }] })
  assert.equal(meaning([element('delete', 'flypaper', true)]).meaning, 'flies')
})

test('what may be as it was: a table, a set or a chain that is declared', () => {
  for (const change of [
    { op: 'new', kind: 'table', name: 'filter' },
    { op: 'new', kind: 'set', name: 'flypaper' },
    { op: 'new', kind: 'chain', name: 'flypaper_early' },
    // One of ours may have got this name.
    { op: 'new', kind: 'chain', name: 'any' },
  ] as const)
    assert.deepEqual(meaning([change]), TOUCHED)
})

test('what is not ours means nothing, but for the chains that shall have the jump', () => {
  const others: ForeignChange[] = [
    { op: 'new', kind: 'table', name: 'another' },
    { op: 'delete', kind: 'table', name: 'another' },
    { op: 'new', kind: 'set', name: 'blocklist' },
    { op: 'delete', kind: 'set', name: 'blocklist' },
    { op: 'delete', kind: 'chain', name: 'input' },
    { op: 'delete', kind: 'rule', name: 'input' },
    { op: 'new', kind: 'rule', name: 'input' },
    { op: 'new', kind: 'element', name: 'blocklist', elements: elements('192.0.2.1') },
  ]
  assert.deepEqual(meaning(others), NOTHING)
  assert.deepEqual(meaning([{ op: 'new', kind: 'chain', name: 'input' }], ['input']), CHANGED)
  assert.deepEqual(meaning([others[5]!], ['input']), FLUSHED)
  assert.deepEqual(meaning([others[6]!], ['input']), TOUCHED)
})

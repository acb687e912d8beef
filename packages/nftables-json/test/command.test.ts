import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { transactionOf } from '../src/command.ts'
import { forget, NftablesError, put } from '../src/index.ts'

const id = { family: 'inet', table: 'filter', name: 'flypaper' } as const

/** What a stranger or a careless caller may hand over: deliberately not of the declared type. */
const add = (elem: unknown) => [{ add: { element: { ...id, elem: [elem] } } }] as never

function refused(commands: unknown, words?: RegExp): void {
  assert.throws(
    () => transactionOf(commands as never),
    (error: unknown) =>
      error instanceof NftablesError && error.code === 'invalid' && (words?.test(error.text) ?? true),
    `must be refused: ${JSON.stringify(commands)}`,
  )
}

test('one command becomes the JSON of the man page', () => {
  assert.equal(
    transactionOf(add({ elem: { val: '192.0.2.1', timeout: 60, expires: 50 } })),
    '{"nftables":[{"add":{"element":{"family":"inet","table":"filter","name":"flypaper",' +
      '"elem":[{"elem":{"val":"192.0.2.1","timeout":60,"expires":50}}]}}}]}',
  )
})

test('elements of every shape that we use pass', () => {
  const shapes = [
    '192.0.2.1',
    '2001:db8::1',
    443,
    { prefix: { addr: '192.0.2.0', len: 24 } },
    { prefix: { addr: '2001:db8::', len: 64 } },
    { range: ['192.0.2.1', '192.0.2.9'] },
    { range: [1, 1023] },
    { concat: ['192.0.2.1', 6, 443] },
    { concat: [{ prefix: { addr: '192.0.2.0', len: 24 } }, { range: [1, 1023] }] },
    {
      elem: { val: { concat: [6, 22] }, timeout: 600, comment: 'sshd, "quoted" nowhere'.replaceAll('"', '') },
    },
  ]
  for (const shape of shapes) assert.doesNotThrow(() => transactionOf(add(shape)), JSON.stringify(shape))
})

const HOSTILE = [
  'evil.example',
  'localhost',
  'tcp',
  '1.2.3.4; flush ruleset',
  '1.2.3.4\n',
  '1.2.3.4\0',
  '1.2.3.4 }; flush ruleset; #',
  '"1.2.3.4"',
  '@othersets',
  '$var',
  '*',
  '',
  ' 1.2.3.4',
  '1.2.3',
  '0x7f000001',
  '1.2.3.4/24',
  '1.2.3.4-1.2.3.9',
  'fe80::1%eth0',
  '::1]',
  '\ud800',
]

test('a string that is not a literal address passes nowhere in an element', () => {
  for (const text of HOSTILE) {
    refused(add(text), /not a literal/)
    refused(add({ elem: { val: text } }))
    refused(add({ prefix: { addr: text, len: 8 } }))
    refused(add({ range: [text, '1.2.3.4'] }))
    refused(add({ range: ['1.2.3.4', text] }))
    refused(add({ concat: ['1.2.3.4', text] }))
    refused(add({ concat: [{ prefix: { addr: text, len: 8 } }, 1] }))
    refused([{ delete: { element: { ...id, elem: [text] } } }])
  }
})

test('property: whatever string is an element, it passes only as a literal address', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.ipV4Extended(),
  )
  fc.assert(
    fc.property(anything, text => {
      if (isIP(text) !== 0 && !text.includes('%')) assert.ok(transactionOf(add(text)).includes(text))
      else refused(add(text))
    }),
  )
})

test('names are names, in every place where one stands', () => {
  const names = [
    '',
    '1st',
    '-x',
    'a b',
    'a;flush ruleset',
    'a\n',
    'a"',
    'a{',
    'a\\b',
    'a$',
    '@a',
    'ü',
    'x'.repeat(129),
  ]
  for (const name of names) {
    refused([{ flush: { set: { ...id, name } } }], /nft can read/)
    refused([{ flush: { set: { ...id, table: name } } }])
    refused([{ add: { table: { family: 'inet', name } } }])
    refused([{ delete: { chain: { family: 'inet', table: 'filter', name } } }])
    refused([
      { add: { rule: { family: 'inet', table: 'filter', chain: 'c', expr: [{ jump: { target: name } }] } } },
    ])
    refused([{ delete: { rule: { family: 'inet', table: 'filter', chain: name, handle: 1 } } }])
  }
  assert.doesNotThrow(() => transactionOf([{ flush: { set: { ...id, name: '_a/b-c.D9' } } }]))
})

test('a comment cannot leave its quotation marks', () => {
  for (const comment of [
    'a"; flush ruleset; "',
    'a\\',
    'a\nb',
    '\0',
    '',
    '\ud800',
    '\u2028',
    'x'.repeat(128),
    'ü'.repeat(64),
  ])
    refused(add({ elem: { val: '192.0.2.1', comment } }), /comment/)
  for (const comment of ['touched TCP-port 23; {really}', 'x'.repeat(127), 'über'])
    assert.doesNotThrow(() => transactionOf(add({ elem: { val: '192.0.2.1', comment } })))
})

test('times are whole seconds that nft does not ignore', () => {
  for (const times of [
    { timeout: 0 },
    { timeout: -1 },
    { timeout: 1.5 },
    { timeout: '60' },
    { timeout: Infinity },
  ])
    refused(add({ elem: { val: '192.0.2.1', ...times } }))
  refused(add({ elem: { val: '192.0.2.1', timeout: 60, expires: 61 } }), /expires/)
  // In a set with a timeout of its own.
  assert.doesNotThrow(() => transactionOf(add({ elem: { val: '192.0.2.1', expires: 5 } })))
})

test('a prefix is not longer than its address', () => {
  refused(add({ prefix: { addr: '192.0.2.1', len: 33 } }), /longer/)
  refused(add({ prefix: { addr: '::', len: 129 } }), /longer/)
  refused(add({ prefix: { addr: '::', len: -1 } }))
})

test('unknown commands and properties do not get in', () => {
  refused([{ flush: { ruleset: 'all' } }])
  refused([{ add: { table: { family: 'inet', name: 't', flags: ['sleepy'] } } }])
  refused([
    { add: { table: { family: 'inet', name: 't' } }, flush: { table: { family: 'inet', name: 't' } } },
  ])
  refused(add({ elem: { val: '192.0.2.1', expr: 'x' } }))
  refused([{ add: { rule: { family: 'inet', table: 't', chain: 'c', expr: [{ xt: { name: 'x' } }] } } }])
  refused([{ list: { ruleset: null } }])
  refused('flush ruleset')
})

test('what goes in is what was checked: toJSON and getters of the caller are not asked again', () => {
  const sly = { elem: { val: '192.0.2.1' }, toJSON: () => 'evil.example' }
  refused(add(sly))
  let asked = 0
  const twoFaced = {
    elem: {
      get val() {
        return asked++ === 0 ? '192.0.2.1' : 'evil.example'
      },
    },
  }
  let text = ''
  try {
    text = transactionOf(add(twoFaced))
  } catch (error) {
    assert.ok(error instanceof NftablesError)
  }
  assert.ok(!text.includes('evil'))
})

test('forget and put are one transaction each, and nothing at all for no elements', () => {
  const flies = ['192.0.2.1', { elem: { val: '192.0.2.2', timeout: 60 } }] as const
  const bare = ['192.0.2.1', '192.0.2.2']
  const [first, second, third] = [
    { add: { element: { ...id, elem: bare } } },
    { delete: { element: { ...id, elem: bare } } },
    { add: { element: { ...id, elem: [...flies] } } },
  ]
  assert.deepEqual(forget(id, flies), [first, second])
  assert.deepEqual(put(id, flies), [first, second, third])
  assert.deepEqual([...forget(id, []), ...put(id, [])], [])
})

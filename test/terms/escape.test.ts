import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { escapeLines, escapeText, jsonText } from '../../src/terms/escape.ts'

const cases: [what: string, text: string, expected: string][] = [
  ['ordinary text, also outside ASCII', 'sshd ä € 日本 😀 "\\"', 'sshd ä € 日本 😀 "\\"'],
  ['a colour', '\x1b[31mred', '\\x1b[31mred'],
  ['a forged log line', 'a\r\nlockout 192.0.2.1', 'a\\x0d\\x0alockout 192.0.2.1'],
  ['tab, NUL and DEL', '\t\0\x7f', '\\x09\\x00\\x7f'],
  ['C1: a terminal takes U+009B as ESC [', '\x9b31m', '\\x9b31m'],
  ['bidi controls', 'a\u202eb\u2069\u200e\u061c', 'a\\u{202e}b\\u{2069}\\u{200e}\\u{61c}'],
  ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['zero width and tag characters', 'a\u200bb\ufeff\u{e0041}', 'a\\u{200b}b\\u{feff}\\u{e0041}'],
  ['what is shown as nothing', 'a\u3164b\ufe0f\u034f', 'a\\u{3164}b\\u{fe0f}\\u{34f}'],
  ['noncharacters, which mark our colours', '\ufdd0\uffff', '\\u{fdd0}\\u{ffff}'],
  ['lone surrogates', '\ud800x\udc00', '\\u{d800}x\\u{dc00}'],
]

for (const [what, text, expected] of cases) {
  test(`escapes ${what}`, () => assert.equal(escapeText(text), expected))
}

test('escaped text is one well-formed line without control characters, and escaping it again changes nothing', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)) }),
      text => {
        const escaped = escapeText(text)
        assert.doesNotMatch(escaped, /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/)
        assert.ok(escaped.isWellFormed())
        assert.equal(escapeText(escaped), escaped)
      },
    ),
  )
})

test('JSON means the same to a program, and has no character that a terminal would obey', () => {
  const value = { evil: 'a\u001b[2J\n\u202eb\u2028\u{e0041}\ud800', ü: '☃' }
  const text = jsonText(value)
  assert.deepEqual(JSON.parse(text), value)
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
  assert.match(text, /☃/)
})

test('text of several lines keeps their ends and its tabs, and of marks what they stand for', () => {
  const text = '\ufdd0a\x1b[31m\n\tb\r\u202e\ufdd1'
  assert.equal(escapeLines(text), '\\u{fdd0}a\\x1b[31m\n\tb\\x0d\\u{202e}\\u{fdd1}')
  const marks = new Map([['\ufdd0', '\x1b[1m']])
  assert.equal(escapeLines(text, marks), '\x1b[1ma\\x1b[31m\n\tb\\x0d\\u{202e}\\u{fdd1}')
})

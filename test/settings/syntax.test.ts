import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from '../../src/settings/load.ts'

const cases: [what: string, text: string, expected: string][] = [
  [
    'a duration without quotes',
    'hold = 20s # seconds',
    `f:1:10: this is not TOML: illegal character in numeric literal
  hold = 20s # seconds
           ^
  texts stand in double quotes: write hold = "20s"`,
  ],
  [
    'typographic quotes',
    '\n\nclosed = “auto”',
    `f:3:10: this is not TOML: invalid value
  closed = “auto”
           ^
  texts stand in double quotes: write closed = "auto"`,
  ],
  [
    'a missing quote',
    'hold = "20s',
    `f:1:8: this is not TOML: unfinished string
  hold = "20s
         ^
  write the text between two double quotes, and nothing behind it`,
  ],
  [
    'a colon',
    'hold: "20s"',
    `f:1:5: this is not TOML: illegal character in key
  hold: "20s"
      ^
  write an equals sign: hold = "20s"`,
  ],
  [
    'no value',
    'hold =\nnumber = 1',
    `f:1:7: this is not TOML: invalid value
  hold =
        ^
  write a value behind hold =`,
  ],
  [
    'addresses without quotes',
    'never = [192.0.2.7]',
    `f:1:15: this is not TOML: illegal character in numeric literal
  never = [192.0.2.7]
                ^
  write each entry in double quotes, a comma between two, and ] behind the last`,
  ],
  [
    'a missing comma',
    'never = [\n  "::1"\n  "::2"\n]',
    `f:3:3: this is not TOML: expected comma or end of structure
    "::2"
    ^
  write each entry in double quotes, and a comma between two`,
  ],
  [
    'an open table header',
    '[lockout\nfactor = 2',
    `f:1:9: this is not TOML: illegal character in key
  [lockout
          ^
  write [lockout] in a line of its own`,
  ],
  [
    'two settings in one line',
    'number = 1 hold = "1s"',
    `f:1:12: this is not TOML: each key-value declaration must be followed by an end-of-line
  number = 1 hold = "1s"
             ^
  write each setting in a line of its own`,
  ],
  [
    'a leading zero',
    'number = 0042',
    `f:1:10: this is not TOML: illegal leading zero
  number = 0042
           ^
  write a whole number in digits only, without zeros before it`,
  ],
  [
    'a setting written twice, CRLF',
    'number = 1\r\nhold = "1s"\r\nnumber = 2\r\n',
    `f:3:1: number is written twice
  number = 2
  ^
  keep one of the two; the other is in line 1`,
  ],
  [
    'a setting of a table written twice',
    '[lockout]\nfirst = "1h"\n[sizes]\nhold = 16\n[chains]\ninput = []\n"input" = []',
    `f:7:1: chains.input is written twice
  "input" = []
  ^
  keep one of the two; the other is in line 6`,
  ],
  [
    'a table written twice',
    '[sizes]\nhold = 16\n[lockout]\n[sizes]',
    `f:4:2: sizes is written twice
  [sizes]
   ^
  keep one of the two; the other is in line 1`,
  ],
  [
    'control characters',
    'hold = "\x1b[2J"',
    `f:1:9: this is not TOML: control characters are not allowed in strings
  hold = "\\x1b[2J"
          ^
  write the text between two double quotes, and nothing behind it`,
  ],
  [
    'something else',
    'protect me',
    `f:1:9: this is not TOML: illegal character in key
  protect me
          ^
  write an equals sign: protect = me`,
  ],
]

for (const [what, text, expected] of cases) {
  test(`explains ${what}`, () => {
    assert.throws(() => parseSettings(text, 'f'), {
      name: 'Failure',
      exit: 78,
      message: `there is a mistake in the settings\n${expected}`,
    })
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MOST_MISTAKES } from '../../src/settings/explain.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { tableSettings, topSettings } from '../../src/settings/schema.ts'
import { type Case, explained } from './explained.ts'

const ALL = [...Object.keys(topSettings), ...Object.keys(tableSettings)].join(', ')

const cases: Case[] = [
  {
    what: 'a misspelt setting',
    text: 'hold = "20s"\nboot_grase = "1m"',
    expected: `/etc/f.toml:2:1: "boot_grase" is not a setting
  boot_grase = "1m"
  ^
  did you mean boot_grace?`,
  },
  {
    what: 'a misspelt setting of a table, quoted',
    text: '[lockout]\n  "many-ports" = 10',
    expected: `/etc/f.toml:2:3: "many-ports" is not a setting of [lockout]
    "many-ports" = 10
    ^
  did you mean many_ports?`,
  },
  {
    what: 'a setting of a table outside of it',
    text: 'many_ports = 3',
    expected: `/etc/f.toml:1:1: "many_ports" is not a setting
  many_ports = 3
  ^
  write many_ports below [lockout]`,
  },
  {
    what: 'a setting that got into a table',
    text: '[chains]\nserved = "1m"',
    expected: `/etc/f.toml:2:1: "served" is not a setting of [chains]
  served = "1m"
  ^
  write served above the first [table]`,
  },
  {
    what: 'an unknown setting',
    text: 'sizes.wibble = 3',
    expected: `/etc/f.toml:1:7: "wibble" is not a setting of [sizes]
  sizes.wibble = 3
        ^
  those of [sizes] are ${Object.keys(tableSettings.sizes).join(', ')}`,
  },
  {
    what: 'a misspelt weight, in a table of its own or in a line',
    text: '[evidence.stranger]\nclosd = 3\n[evidence]\nknown = { widow = "1h" }',
    expected: `/etc/f.toml:2:1: "closd" is not a setting of [evidence.stranger]
  closd = 3
  ^
  did you mean closed?
/etc/f.toml:4:11: "widow" is not a setting of [evidence.known]
  known = { widow = "1h" }
            ^
  did you mean window?`,
  },
  {
    what: 'a longest lockout for strangers, whose length goes by the ports',
    text: 'evidence.stranger.longest = "1h"',
    expected: `/etc/f.toml:1:19: "longest" is not a setting of [evidence.stranger]
  evidence.stranger.longest = "1h"
                    ^
  those of [evidence.stranger] are excusable, closed, illegal, window, fade`,
  },
  {
    what: 'a weight that is none',
    text: 'evidence.peer = { closed = "much" }',
    expected: `/etc/f.toml:1:28: evidence.peer.closed must be a whole number from 0 to 100, not "much"
  evidence.peer = { closed = "much" }
                             ^
  write digits without quotes`,
  },
  {
    what: 'an unknown table',
    text: '\n[ wibble ]',
    expected: `/etc/f.toml:2:3: "wibble" is not a setting
  [ wibble ]
    ^
  the settings are ${ALL}`,
  },
  {
    what: 'a name that objects of JavaScript have',
    text: '__proto__ = 1',
    expected: `/etc/f.toml:1:1: "__proto__" is not a setting
  __proto__ = 1
  ^
  the settings are ${ALL}`,
  },
  {
    what: 'a value where a table is needed',
    text: 'sizes = 1979-05-27',
    expected: `/etc/f.toml:1:9: sizes must be a table, not a date or time
  sizes = 1979-05-27
          ^
  write [sizes] in a line of its own, and its settings in the lines below`,
  },
  {
    what: 'a table where a value is needed',
    text: '[hold]\nfirst = 1',
    expected: `/etc/f.toml:1:2: hold must be a duration from 1s to 10m, not a table
  [hold]
   ^
  write a number and s, m, h, d or w, such as "90s" or "1h30m"`,
  },
  {
    what: 'a list of tables',
    text: '[[lockout]]\nmany_ports = 2',
    expected: `/etc/f.toml:1:3: lockout must be a table, not a list
  [[lockout]]
    ^
  write [lockout] in a line of its own, and its settings in the lines below`,
  },
  {
    what: 'control characters, which are shown and do not move the caret',
    text: '\t"\\u001b[2J" = "a" #\u202ex',
    expected: `/etc/f.toml:1:2: "\\x1b[2J" is not a setting
   "\\u001b[2J" = "a" #\\u{202e}x
   ^
  the settings are ${ALL}`,
  },
  {
    what: 'a mistake far to the right, of which the surroundings are shown',
    text: `never = [${'"192.0.2.7", '.repeat(20)}7]`,
    expected: `/etc/f.toml:1:270: entry 21 of never must be an address or a prefix, not 7
  92.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.7", 7]
${' '.repeat(52)}^
  write it in double quotes, such as "192.0.2.7"`,
  },
]

for (const { what, text, expected } of cases) {
  test(`explains ${what}`, () => assert.equal(explained(text), expected))
}

test('every mistake is shown, in the order of the text', () => {
  const text = `
wibble = 1
[lockout]
many = "1m"
many_ports = 0
furst = "1h"
[sizes]
hold = 1
`
  assert.throws(() => parseSettings(text, 'f'), {
    exit: 78,
    message: `there are 5 mistakes in the settings
f:2:1: "wibble" is not a setting
  wibble = 1
  ^
  the settings are ${ALL}
f:4:8: "1m" is shorter than first, which is "10m"
  many = "1m"
         ^
  write many = "10m"
f:5:14: lockout.many_ports must be a whole number from 2 to 64, not 0
  many_ports = 0
               ^
  write many_ports = 2
f:6:1: "furst" is not a setting of [lockout]
  furst = "1h"
  ^
  did you mean first?
f:8:8: sizes.hold must be a whole number from 16 to 16777216, not 1
  hold = 1
         ^
  write hold = 16`,
  })
})

test('one mistake is called one', () => {
  assert.throws(() => parseSettings('x = 1', 'f'), { message: /^there is a mistake in the settings\n/ })
})

test('a list that is wrong throughout does not fill the terminal', () => {
  const shown = explained(`never = [${'1,'.repeat(MOST_MISTAKES + 20)}]`)
  assert.equal(shown.match(/\^/g)?.length, MOST_MISTAKES)
  assert.match(shown, /\nand 20 more$/)
})

test('a file name cannot write to the terminal', () => {
  assert.throws(() => parseSettings('x = 1', '/tmp/\x1b[2J'), { message: /\n\/tmp\/\\x1b\[2J:1:1: / })
})

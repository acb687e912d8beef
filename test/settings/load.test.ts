import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { loadSettings, parseSettings } from '../../src/settings/load.ts'
import { tableSettings, topSettings } from '../../src/settings/schema.ts'
import { closedMode } from '../../src/settings/settings.ts'
import { readText } from '../../src/system/files.ts'
import { Failure } from '../../src/terms/failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-settings-'))
after(() => rmSync(folder, { recursive: true }))

test('a text without settings is all defaults', () => {
  assert.deepEqual(parseSettings('', 'f'), {
    closed: 'auto',
    capture: 'auto',
    number: 4242,
    never: [],
    hold: 20,
    served: 600,
    peers: 600,
    known: 600,
    dryRun: false,
    log: 'auto',
    bootGrace: 60,
    chains: { input: [], forward: [] },
    grades: { ping: 'never', noise: 'silence', protocols: 'offence', silent: [] },
    lockout: {
      first: 3600,
      firstUdp: 600,
      factor: 6,
      longest: 604_800,
      longestForgeable: 86_400,
      strikes: 1,
      strikeWindow: 600,
    },
    promotion: { perSecond: 10, burst: 500 },
    history: { keep: 31_536_000, most: 1_000_000 },
    sizes: { flypaper: 1_048_576, hold: 65_536, peers: 131_072, known: 131_072 },
  })
})

test('everything can be set', () => {
  const { never, ...rest } = parseSettings(
    `
closed = "listening"
capture = "log"
number = 65531
never = ["192.0.2.7", "2001:DB8::/32", "::ffff:198.51.100.1"]
hold = "10m"
served = "0s"
peers = "1d"
known = "1m"
dry_run = true
log = "syslog"
boot_grace = "1h"
chains = { input = ["input", "my-chain"], forward = ["forward"] }
lockout.first = "forever"
lockout.first_udp = "1h30m"
lockout.factor = 1
lockout.longest = "forever"
lockout.longest_forgeable = "forever"
lockout.strikes = 3
lockout.strike_window = "1h"
promotion.per_second = 0
promotion.burst = 1
history.keep = "forever"
history.most = 1000
[grades]
ping = "offence"
noise = "offence"
protocols = "never"
silent = ["tcp/113", "udp/6000-6010"]

[sizes]
flypaper = 16
hold = 16_777_216
peers = 0x10
known = 17
`,
    'f',
  )
  assert.deepEqual(
    never.map(prefix => prefix.text),
    ['192.0.2.7', '2001:db8::/32', '198.51.100.1'],
  )
  assert.deepEqual(rest, {
    closed: 'listening',
    capture: 'log',
    number: 65_531,
    hold: 600,
    served: 0,
    peers: 86_400,
    known: 60,
    dryRun: true,
    log: 'syslog',
    bootGrace: 3600,
    chains: { input: ['input', 'my-chain'], forward: ['forward'] },
    grades: {
      ping: 'offence',
      noise: 'offence',
      protocols: 'never',
      silent: [
        { protocol: 'tcp', first: 113, last: 113 },
        { protocol: 'udp', first: 6000, last: 6010 },
      ],
    },
    lockout: {
      first: 'forever',
      firstUdp: 5400,
      factor: 1,
      longest: 'forever',
      longestForgeable: 'forever',
      strikes: 3,
      strikeWindow: 3600,
    },
    promotion: { perSecond: 0, burst: 1 },
    history: { keep: 'forever', most: 1000 },
    sizes: { flypaper: 16, hold: 16_777_216, peers: 16, known: 17 },
  })
})

test('the default of a setting means the same as leaving it out', () => {
  const preset = ([name, schema]: [string, { meta: () => object | undefined }]) =>
    `${name} = ${(schema.meta() as { preset: string }).preset}`
  const text = [
    ...Object.entries(topSettings).map(preset),
    ...Object.entries(tableSettings).flatMap(([name, of]) => [
      `[${name}]`,
      ...Object.entries(of).map(preset),
    ]),
  ].join('\n')
  assert.deepEqual(parseSettings(text, 'f'), parseSettings('', 'f'))
})

test('longest grows with the first lockouts where it is not written', () => {
  const longest = (text: string) => parseSettings(`[lockout]\n${text}`, 'f').lockout.longest
  assert.equal(longest('first = "8d"'), 8 * 86_400)
  assert.equal(longest('first_udp = "8d"'), 8 * 86_400)
  assert.equal(longest('first = "forever"'), 'forever')
  assert.equal(longest('first = "2h"'), 604_800)
})

test('closed = "auto" is unmatched where a chain is named', () => {
  const mode = (text: string) => closedMode(parseSettings(text, 'f'))
  assert.equal(mode(''), 'listening')
  assert.equal(mode('chains.input = ["input"]'), 'unmatched')
  assert.equal(mode('chains.forward = ["forward"]'), 'unmatched')
  assert.equal(mode('closed = "unmatched"'), 'unmatched')
  assert.equal(mode('closed = "unaccepted"\nchains.input = ["input"]'), 'unaccepted')
  assert.equal(mode('closed = "listening"\nchains.input = ["input"]'), 'listening')
})

test('a named file is read, with a byte order mark and CRLF as well', () => {
  const file = join(folder, 'windows.toml')
  writeFileSync(file, '\ufeffhold = "30s"\r\n[lockout]\r\nfactor = 2\r\n')
  assert.equal(loadSettings(file, readText).hold, 30)
  assert.equal(loadSettings(file, readText).lockout.factor, 2)
})

const unreadable: [what: string, file: string, message: string][] = [
  ['a named file that is missing', join(folder, 'none.toml'), 'there is no such file'],
  ['a directory', folder, 'it is a directory'],
  ['an endless file', '/dev/zero', 'more than 1048576 bytes'],
]

for (const [what, file, because] of unreadable) {
  test(`refuses ${what}`, () => {
    assert.throws(() => loadSettings(file, readText), {
      name: 'Failure',
      exit: 78,
      message: `cannot read the settings file ${file}: ${because}`,
    })
  })
}

test('refuses a file that is not UTF-8', () => {
  const file = join(folder, 'latin1.toml')
  writeFileSync(file, Buffer.from('# \xfc', 'latin1'))
  assert.throws(() => loadSettings(file, readText), { exit: 78, message: /: it is not text in UTF-8$/ })
})

test('whatever the text is, it makes settings or a Failure with exit 78', () => {
  const piece = fc.constantFrom(
    ...[
      'hold',
      'never',
      'lockout',
      'first',
      'longest',
      'chains.input',
      '__proto__',
      '"a\\tb"',
      "'c'",
      ' ',
      '.',
      ',',
    ],
    ...[
      '=',
      ' = ',
      '\n',
      '\r\n',
      '[',
      ']',
      '[[',
      ']]',
      '{',
      '}',
      '#',
      '"',
      '"""',
      "'''",
      '"1h"',
      '"x"',
      '3',
      '1979-05-27 07:32:00',
    ],
  )
  const line = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join(''))
  const assignment = fc
    .tuple(
      fc.constantFrom('closed', 'number', 'hold', 'never', 'chains', '[lockout]\nfirst', '[[x]]\ny'),
      line,
    )
    .map(pair => pair.join(' = '))
  const text = fc.array(fc.oneof(line, assignment), { maxLength: 6 }).map(lines => lines.join('\n'))
  let refused = 0
  fc.assert(
    fc.property(text, it => {
      try {
        parseSettings(it, 'f')
      } catch (error) {
        refused++
        assert.ok(error instanceof Failure && error.exit === 78, `${error}`)
        assert.match(error.message, /^f:\d+:\d+: .*\n {2}.*\n +\^\n {2}/m)
      }
    }),
    { numRuns: 2000 },
  )
  assert.ok(refused > 100)
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { EXCUSABLE, SISTERS } from '../../src/settings/honest.ts'
import { loadSettings, parseSettings } from '../../src/settings/load.ts'
import { tableSettings, topSettings } from '../../src/settings/schema.ts'
import { closedMode } from '../../src/settings/settings.ts'
import { readText } from '../../src/system/files.ts'
import { Failure } from '../../src/terms/failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'flypaperd-settings-'))
after(() => rmSync(folder, { recursive: true }))

/** "tcp/80 udp/443", port by port. */
function portsOf(text: string) {
  return text.split(' ').map(port => {
    const [protocol, number] = port.split('/')
    return { protocol, first: Number(number), last: Number(number) }
  })
}

test('a text without settings is all defaults', () => {
  const { neverFiles, ...rest } = parseSettings('', 'f')
  assert.deepEqual([neverFiles.named, neverFiles.prefixes.size], [[], 0])
  assert.deepEqual(rest, {
    closed: 'auto',
    capture: 'auto',
    number: 4242,
    never: [],
    neverByHand: [],
    public: [],
    doors: true,
    inside: 'auto',
    ingress: [],
    names: [],
    geo: { country: '', asn: '' },
    hold: 20,
    served: 600,
    ring: { on: false, size: 67_108_864, age: 604_800 },
    peers: 600,
    known: 600,
    dryRun: false,
    log: 'auto',
    bootGrace: 60,
    chains: { input: [], forward: [] },
    evidence: {
      threshold: 6,
      stranger: { excusable: 2, closed: 6, illegal: 6, window: 3600, fade: 3600, longest: 'forever' },
      peer: { excusable: 2, closed: 2, illegal: 2, window: 600, fade: 86_400, longest: 3600 },
      known: { excusable: 1, closed: 2, illegal: 2, window: 3600, fade: 86_400, longest: 3600 },
      ping: 'never',
      noise: 'silence',
      protocols: 'offence',
      silent: [],
      excusable: EXCUSABLE.flatMap(({ ports }) => portsOf(ports)),
      sisters: SISTERS.map(({ ports }) => portsOf(ports)),
    },
    shared: { single: [], holdOnly: [] },
    lockout: {
      first: 600,
      several: 3600,
      many: 86_400,
      manyPorts: 10,
      remember: 604_800,
      longestForgeable: 86_400,
      whileTrying: true,
      wholePrefixes: false,
    },
    promotion: { perSecond: 10, burst: 500 },
    history: { keep: 31_536_000, most: 1_000_000, samplesPerSecond: 0 },
    notify: { command: [], kinds: ['trap', 'failing', 'limit', 'ours'], digest: 'off', at: 480 },
    sizes: { flypaper: 1_048_576, hold: 65_536, peers: 131_072, known: 131_072 },
  })
})

test('everything can be set', () => {
  const { never, neverFiles, inside, shared, ...rest } = parseSettings(
    `
closed = "listening"
capture = "log"
number = 65529
never = ["192.0.2.7", "2001:DB8::/32", "::ffff:198.51.100.1"]
never_files = ["/etc/flypaperd/never.d/"]
public = ["tcp/80", "udp/4000-4010"]
doors = false
inside = ["10.0.0.0/8", "fd00::/8"]
ingress = ["eth0", "ppp0", "eth0.10", "eth0"]
names = ["home.example.net", "office.example.net", "home.example.net"]
hold = "10m"
served = "0s"
peers = "1d"
known = "1m"
dry_run = true
log = "syslog"
boot_grace = "1h"
chains = { input = ["input", "my-chain"], forward = ["forward"] }
shared.single = ["2001:db8:64::/96"]
shared.hold_only = ["198.51.100.0/24"]
lockout.first = "forever"
lockout.several = "forever"
lockout.many = "forever"
lockout.many_ports = 2
lockout.remember = "0s"
lockout.longest_forgeable = "forever"
lockout.while_trying = false
lockout.whole_prefixes = true
promotion.per_second = 0
promotion.burst = 1
history.keep = "forever"
history.most = 1000
history.samples_per_second = 25
ring = { on = true, size = "32MB", age = "1d" }
geo = { country = "/usr/local/share/country.mmdb", asn = "" }
notify = { command = ["/bin/true", "x"], kinds = ["ours"], digest = "daily", at = "09:30" }
[evidence]
threshold = 4
stranger = { excusable = 1, closed = 2, illegal = 4, window = "1m", fade = "2d" }
peer = { closed = 1, illegal = 1, window = "7d", longest = "forever" }
known.longest = "1m"
ping = "offence"
noise = "offence"
protocols = "never"
silent = ["tcp/113", "udp/6000-6010"]
excusable = ["tcp/179", "udp/4789-4790"]
sisters = ["tcp/80 tcp/443", "tcp/1-2, udp/3"]

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
  assert.deepEqual([neverFiles.named, neverFiles.prefixes.size], [['/etc/flypaperd/never.d/'], 0])
  assert.deepEqual(
    [inside, shared.single, shared.holdOnly].map(all => all !== 'auto' && all.map(({ text }) => text)),
    [['10.0.0.0/8', 'fd00::/8'], ['2001:db8:64::/96'], ['198.51.100.0/24']],
  )
  assert.deepEqual(rest, {
    neverByHand: [],
    closed: 'listening',
    capture: 'log',
    number: 65_529,
    public: [
      { protocol: 'tcp', first: 80, last: 80 },
      { protocol: 'udp', first: 4000, last: 4010 },
    ],
    doors: false,
    ingress: ['eth0', 'ppp0', 'eth0.10'],
    names: ['home.example.net', 'office.example.net'],
    hold: 600,
    served: 0,
    geo: { country: '/usr/local/share/country.mmdb', asn: '' },
    ring: { on: true, size: 33_554_432, age: 86_400 },
    peers: 86_400,
    known: 60,
    dryRun: true,
    log: 'syslog',
    bootGrace: 3600,
    chains: { input: ['input', 'my-chain'], forward: ['forward'] },
    evidence: {
      threshold: 4,
      stranger: { excusable: 1, closed: 2, illegal: 4, window: 60, fade: 172_800, longest: 'forever' },
      peer: { excusable: 1, closed: 1, illegal: 1, window: 604_800, fade: 86_400, longest: 'forever' },
      known: { excusable: 1, closed: 2, illegal: 2, window: 3600, fade: 86_400, longest: 60 },
      ping: 'offence',
      noise: 'offence',
      protocols: 'never',
      silent: [
        { protocol: 'tcp', first: 113, last: 113 },
        { protocol: 'udp', first: 6000, last: 6010 },
      ],
      excusable: [
        { protocol: 'tcp', first: 179, last: 179 },
        { protocol: 'udp', first: 4789, last: 4790 },
      ],
      sisters: [
        portsOf('tcp/80 tcp/443'),
        [
          { protocol: 'tcp', first: 1, last: 2 },
          { protocol: 'udp', first: 3, last: 3 },
        ],
      ],
    },
    lockout: {
      first: 'forever',
      several: 'forever',
      many: 'forever',
      manyPorts: 2,
      remember: 0,
      longestForgeable: 'forever',
      whileTrying: false,
      wholePrefixes: true,
    },
    promotion: { perSecond: 0, burst: 1 },
    history: { keep: 'forever', most: 1000, samplesPerSecond: 25 },
    notify: { command: ['/bin/true', 'x'], kinds: ['ours'], digest: 'daily', at: 570 },
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

test('the lengths grow with those before them where they are not written', () => {
  const lengths = (text: string) => {
    const { first, several, many, longestForgeable } = parseSettings(`[lockout]\n${text}`, 'f').lockout
    return [first, several, many, longestForgeable]
  }
  assert.deepEqual(lengths('first = "8d"'), Array(4).fill(8 * 86_400))
  assert.deepEqual(lengths('first = "forever"'), Array(4).fill('forever'))
  assert.deepEqual(lengths('first = "2h"'), [7200, 7200, 86_400, 86_400])
  assert.deepEqual(lengths('many = "20m"'), [600, 1200, 1200, 86_400])
  assert.deepEqual(lengths('many = "9d"'), [600, 3600, 9 * 86_400, 9 * 86_400])
})

test('the names that older versions had mean what comes nearest, and it is said what to write', () => {
  const old = (text: string) => parseSettings(text, 'f')
  const lengths = (text: string) => {
    const { first, several, many, longestForgeable } = old(`[lockout]\n${text}`).lockout
    return [first, several, many, longestForgeable]
  }
  assert.deepEqual(lengths('first = "1h"\nfactor = 6'), [3600, 21_600, 86_400, 86_400])
  assert.deepEqual(lengths('factor = 1'), [600, 600, 600, 86_400], 'repeaters are not treated worse')
  assert.deepEqual(lengths('longest = "30m"'), [600, 1800, 1800, 1800])
  assert.deepEqual(lengths('first = "forever"\nfirst_udp = "forever"\nfactor = 2'), Array(4).fill('forever'))
  const weights = (text: string) => {
    const { closed, illegal, window } = old(`[lockout]\n${text}`).evidence.stranger
    return [closed, illegal, window]
  }
  assert.deepEqual(weights('strikes = 1'), [6, 6, 3600])
  assert.deepEqual(weights('strikes = 2'), [3, 3, 600])
  assert.deepEqual(weights('strikes = 3\nstrike_window = "5m"'), [2, 2, 300])
  assert.deepEqual(weights('strikes = 4'), [1, 1, 600], 'rather later than sooner')
  const { evidence } = old(
    '[grades]\nping = "offence"\nsilent = ["tcp/113"]\n[evidence]\nsilent = ["tcp/80"]',
  )
  assert.deepEqual([evidence.ping, evidence.silent.map(({ first }) => first)], ['offence', [80, 113]])
  assert.equal(old('[grades]\nping = "offence"\n[evidence]\nping = "never"').evidence.ping, 'never')
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
  writeFileSync(file, '\ufeffhold = "30s"\r\n[lockout]\r\nmany_ports = 2\r\n')
  assert.equal(loadSettings(file, readText).hold, 30)
  assert.equal(loadSettings(file, readText).lockout.manyPorts, 2)
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

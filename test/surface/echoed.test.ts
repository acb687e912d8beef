/** Whatever is typed, read or received: nothing reaches the terminal but text, ends of lines, and our own colours. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Lockout } from '../../src/lockout/lockout.ts'
import { machineOf } from '../../src/prove/machine.ts'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System } from '../../src/surface/cli/system.ts'
import { VERBS } from '../../src/surface/cli/verbs/index.ts'
import type { Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { openSystem } from '../../src/system/system.ts'
import { EXIT, Failure } from '../../src/terms/failure.ts'
import { facts } from '../doctor/facts.ts'
import { lockout, sourceOf } from '../history/lockouts.ts'
import { FORGOTTEN, NOTHING } from '../support/daemon-status.ts'
import { fakeClone } from '../support/fake-clone.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { settingsFrom } from '../support/read-settings.ts'

/** Pieces of what strangers write: colours, titles, cursor, bidi, C1, invisible, half characters; and a line of our own. */
const PIECES = [
  '\x1b[2J',
  '\x1b[31m',
  '\x1b]0;title\x07',
  '\x9b31m',
  '\x85',
  '\r',
  '\b\b\b',
  '\x7f',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\u3164',
  '\ufe0f',
  '\ufdd0',
  '\ufdd4',
  '\u{e0041}',
  '\ud800',
  '\nFORGED',
  'a',
  '=',
  '--',
  "'",
  '"',
  '/',
  '漢',
]
const hostile = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map(all => all.join(''))

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u

/** What is written to a terminal with colours or without. */
function assertSafe(written: string, colours: boolean, what: string): void {
  const bare = colours ? written.replace(/\x1b\[(?:0|1|2|31|32)m/g, '') : written
  assert.equal(
    UNSAFE.exec(bare.replace(/[\n\t]/g, ''))?.[0],
    undefined,
    `${what}: ${JSON.stringify(written)}`,
  )
  assert.doesNotMatch(bare, /^FORGED/m, `${what}: a line is forged: ${JSON.stringify(written)}`)
}

const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-echoed-'))
after(() => rmSync(directory, { recursive: true }))
const real = openSystem({ socket: join(directory, 'control.sock'), state: directory })

// What list, why and report read: a lockout by hand of each piece.
{
  using history = real.openHistory()
  history.add(
    PIECES.map((piece, i) => {
      const { tried: _, ...byHand } = lockout({ source: sourceOf(i), until: 'forever' })
      return { ...byHand, because: 'by-hand', by: `a${piece}`, note: `a${piece}` } as Lockout
    }),
  )
}
const known = fc.integer({ min: 0, max: PIECES.length - 1 }).map(sourceOf)

const EPOCH = new Date(0).toISOString()

/** A daemon whose every word is hostile, as one behind a socket of somebody else may be. */
function daemonThatSays(word: string): Served {
  const event = JSON.stringify({ at: new Date(0).toISOString(), event: word, text: word })
  const counts = NOTHING
  const refuse = () => Promise.reject(new Failure(word, { exit: EXIT.unavailable }))
  return {
    status: async () => ({
      pid: 1,
      version: word,
      since: 0,
      capture: 'log',
      closed: 'listening',
      dryRun: false,
      auto: word,
      counts: { ...counts, logLost: 0, spared: { [word]: 1 }, kernel: { [word]: 2 } },
    }),
    lock: async () => ({ locked: [word], kept: [word], refused: [{ who: word, why: 'near' }] }),
    health: async () => [{ label: 'flypaper set', ok: true, reason: word }],
    pause: refuse,
    free: async () => ({ flies: [word], held: [word], count: 1 }),
    flush: refuse,
    testify: refuse,
    withdraw: refuse,
    forget: async () => ({ ...FORGOTTEN, around: [word], scoured: false }),
    names: refuse,
    stop: refuse,
    leave: refuse,
    reload: refuse,
    confirm: refuse,
    metrics: refuse,
    list: refuse,
    why: refuse,
    report: refuse,
    feed: {
      page: async after => ({ lines: after === 'start' ? [event] : [], next: 'now', isEnd: true }),
      onNews() {},
    },
    never: async () => ({
      byHand: [{ who: word, because: word, by: word, since: EPOCH, until: EPOCH }],
      settings: [word],
      settingsCount: 2,
      files: [{ file: word, prefixes: 1 }],
    }),
    neverAdd: async () => ({
      added: [word],
      changed: [word],
      refused: [{ who: word, why: 'full' }],
      ...{ flies: [word], held: [word], around: [word], unwritten: word },
    }),
    neverRemove: async () => ({
      removed: [word],
      missing: [word],
      stays: [{ who: word, entry: word }],
      unwritten: word,
    }),
    watch(listener) {
      setTimeout(listener, 5, event)
      return { [Symbol.dispose]() {} }
    },
  }
}

interface Case {
  readonly argv: readonly string[]
  readonly word: string
  readonly settings: string
  readonly colours: boolean
  readonly isRunning: boolean
}

/** A verb and its options as they are, with hostile words where words may stand. */
const argv = fc.constantFrom(...VERBS, undefined).chain(verb => {
  const flags = (verb?.options ?? []).map(({ flags }) => flags.split(' ')[0]!)
  const arg = fc.oneof(
    hostile,
    known,
    fc.constantFrom('192.0.2.9', 'host.example', '10m', ...flags),
    fc.tuple(fc.constantFrom('--settings', '--nothing', ...flags), hostile).map(pair => pair.join('=')),
  )
  const args = fc.array(arg, { maxLength: 4 })
  return verb === undefined
    ? fc.tuple(hostile, args).map(([name, rest]) => [name, ...rest])
    : args.map(rest => [verb.name, ...rest])
})
const cases: fc.Arbitrary<Case> = fc.record({
  argv,
  word: hostile,
  settings: fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    hostile,
    hostile.map(word => `never = [${JSON.stringify(word)}]\n[chains]\ninput = ${JSON.stringify(word)}`),
    hostile.map(word => `${JSON.stringify(word)} = 1 # ${word.replaceAll('\n', '')}`),
  ),
  colours: fc.boolean(),
  isRunning: fc.boolean(),
})

function systemOf({ word, settings, colours, isRunning }: Case): System {
  return {
    ...real,
    socket: isRunning ? real.socket : '/nonexistent/control.sock',
    terminal: {
      isTerminal: colours,
      colours,
      columns: colours ? 60 : 1e9,
      isUnicode: true,
      showsProgress: false,
    },
    surroundings: { ...real.surroundings, forwards: () => false },
    ...settingsFrom(() => ({ text: settings })),
    readList: () => ({ text: word }),
    openClone: async () => fakeClone(),
    readLive: async () => ({
      machine: machineOf('', [{ protocol: 'tcp', port: 22 }], 'eth0'),
      look: async () => word,
    }),
    openFirewall: () => ({ ...fakeFirewall(), [Symbol.dispose]() {} }),
    lookAround: async () => facts(),
    openWorld() {
      throw new Failure(`no world: ${word.replaceAll('\n', '')}`, { exit: EXIT.unavailable })
    },
    async resolve() {
      throw new Failure('nobody', { exit: EXIT.no })
    },
    onSignal(_, handler) {
      const timer = setTimeout(handler, 20, 'SIGINT')
      return { [Symbol.dispose]: () => clearTimeout(timer) }
    },
  }
}

test('every verb, with whatever arguments, settings and answers', async () => {
  const run = async (one: Case) => {
    // To take over waits for a daemon that never goes.
    if (one.argv[0] === 'restart' && one.isRunning) return
    let written = ''
    const write = (text: string) => {
      written += text
    }
    await using _ = one.isRunning
      ? await serveControl(real.socket, daemonThatSays(one.word), real.unixSockets)
      : undefined
    await runProgram(one.argv, () => systemOf(one), { out: write, err: write })
    assertSafe(written, one.colours, JSON.stringify(one))
  }
  await fc.assert(fc.asyncProperty(cases, run), { numRuns: 400 })
})

test('what the history has of strangers, and all of it is there', async () => {
  for (const argv of [
    ['list', '--all'],
    ['why', ...PIECES.map((_, i) => sourceOf(i))],
    ['report', '--since', '2000-01-01'],
    ['report', '--csv', '--since', '2000-01-01'],
    ['export', '--json'],
  ])
    for (const colours of [true, false]) {
      const one = { argv, word: 'a', settings: '', colours, isRunning: false }
      let written = ''
      const write = (text: string) => {
        written += text
      }
      assert.equal(await runProgram(argv, () => systemOf(one), { out: write, err: write }), EXIT.ok, written)
      assertSafe(written, colours, argv[0]!)
      if (argv[0] === 'why') assert.match(written, /locked out by a\\x1b\[2J,/)
    }
})

test('what was typed is still seen: it reads as an escape', async () => {
  let err = ''
  const streams = {
    out() {},
    err(text: string) {
      err += text
    },
  }
  await runProgram(['st\x1b[31mart\u202e'], () => real, streams)
  assert.match(err, /^error: unknown command 'st\\x1b\[31mart\\u\{202e\}'/)
})

test('the control socket: paths, claims, hosts', async () => {
  await using _ = await serveControl(real.socket, daemonThatSays('a'), real.unixSockets)
  const answerTo = async (request: string) => {
    const socket = connect(real.socket)
    await once(socket, 'connect')
    socket.write(Buffer.from(request, 'utf8'))
    const answer = await textOf(socket)
    return answer.slice(answer.indexOf('\r\n\r\n') + 4)
  }
  const ask = (line: string, body: string) =>
    answerTo(`${line} HTTP/1.0\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  const property = async (word: string) => {
    const path = word.replace(/\s/g, '')
    const bodies = [
      JSON.stringify({ who: [word], by: 'a' }),
      JSON.stringify({ who: ['192.0.2.9'], by: word, [word]: 1 }),
      word,
    ]
    for (const answer of [
      await ask(`GET /${path}`, ''),
      ...(await Promise.all(bodies.map(body => ask('POST /v1/free', body)))),
    ])
      assertSafe(answer, false, JSON.stringify(word))
  }
  await fc.assert(fc.asyncProperty(hostile, property), { numRuns: 100 })
  assert.match(await ask('GET /%1b', ''), /there is no GET \/%1b/)
})

test('the program itself, on its real streams', () => {
  for (const args of [
    ['st\x1b[31mart'],
    ['check', '--settings', '/nonexistent/\x1b[2J\u202e\nFORGED'],
    ['generate', '--capture', '\x9b2J\nFORGED'],
    ['list', '--\x1b]0;title\x07\nFORGED'],
  ]) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [FLYPAPERD, ...args], { encoding: 'utf8' })
    assert.ok(status === EXIT.usage || status === EXIT.settings, `${status}: ${stderr}`)
    assertSafe(stdout + stderr, false, JSON.stringify(args))
  }
})

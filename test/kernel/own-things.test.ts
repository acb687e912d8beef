/**
 * Somebody changes our own chains, sets and rules, in every way that nft can: it is told who did it, all is as it was before, and the
 * trap does its work. What can be done is generated from the ruleset.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { USUAL_GROUND } from '../../src/arm/ruleset/matches.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import type { Ruleset } from '../../src/arm/ruleset/spec.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { type Installation, install } from '../support/daemon.ts'
import {
  catchAllMutations,
  chainMutations,
  elementMutations,
  emptyingMutations,
  type Mutation,
  setMutations,
} from '../support/own-things.ts'
import { PATIENCE, type Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const LOG = 'capture = "log"\nnever = ["203.0.113.0/24", "2001:db8:113::/48"]\n'
const MODES = {
  listening: `${LOG}closed = "listening"`,
  unaccepted: `${LOG}closed = "unaccepted"`,
}
/** Those that the daemon fills. */
const FILLED = ['never', 'never6', 'own', 'single6', 'nets', 'served'].map(name => `flypaper_${name}`)
const STRANGER = { four: '198.51.100.200', six: '2001:db8:51:200::' }

interface Laboratory {
  readonly gate: Host
  readonly scanner: Host
  readonly flypaperd: Installation
  readonly daemon: Running
}

/** A gate with a trap and an open port, and a host that has all sources of 198.18.0.0/15. */
async function withTrap(
  toml: string,
  act: (laboratory: Laboratory) => Promise<void>,
  rules = '',
): Promise<void> {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.18.0.0/15', '192.0.2.9')
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await serve(gate, 'tcp:22')
  if (rules !== '') await gate.nft(rules)
  using flypaperd = install(gate, toml)
  const daemon = await flypaperd.start()
  await act({ gate, scanner, flypaperd, daemon })
  await daemon.stop()
}

/** The table without what packets change, block by block: in which order they stand there means nothing. */
async function state(gate: Host): Promise<readonly string[]> {
  const listing = await gate.must(['nft', '-s', '-t', 'list', 'table', 'inet', 'filter'])
  const listed = withoutComments(listing)
  const kept = ['never', 'never6', 'own', 'own6', 'single6', 'nets', 'nets6', 'grace', 'outside']
  const elements: string[] = []
  for (const set of kept.filter(name => listed.includes(`set flypaper_${name} {`)))
    elements.push(
      withoutComments(
        await gate.must(['nft', '-s', 'list', 'set', 'inet', 'filter', `flypaper_${set}`]),
      ).replace(/ (timeout|expires) \w+/g, ''),
    )
  return [
    ...listed
      .split('\n\n')
      .map(block => block.replace(/^table inet filter \{\n|\}\n*$/g, ''))
      .sort(),
    ...elements,
  ]
}

/** Those of chains and sets: the kernel keeps the one with which somebody has made them. */
function withoutComments(listing: string): string {
  return listing.replace(/^\t\tcomment ".*"\n/gm, '')
}

let sources = 0
const fresh = () => `198.18.${(++sources >> 8) & 255}.${sources & 255}`

/** An offender sees nothing, not even of the open port, and a client is served. */
async function works(scanner: Host, what: string): Promise<void> {
  const [offender, client] = [fresh(), fresh()]
  const to = (source: string, tcp: number) => ({ source, destination: GATE, tcp })
  const { answers } = await send(scanner, {
    bursts: [[to(offender, 81), to(offender, 22), to(client, 22)]],
    wait: 100,
  })
  const heard = answers.map(({ destination, kind }) => `${destination} ${kind}`)
  assert.deepEqual([...new Set(heard)], [`${client} syn-ack`], what)
}

/** Until it is so, or long enough: the state then. */
async function settled(gate: Host, wanted: readonly string[]): Promise<readonly string[]> {
  let now = await state(gate)
  for (
    const deadline = Date.now() + 5_000 * PATIENCE;
    now.join() !== wanted.join() && Date.now() < deadline;
  ) {
    await sleep(50)
    now = await state(gate)
  }
  return now
}

async function tryEach(mutations: readonly Mutation[], { gate, scanner, daemon, flypaperd }: Laboratory) {
  const before = await state(gate)
  await works(scanner, 'before')
  for (const { name, nft } of mutations) {
    await gate.nft(nft)
    await daemon.says(/nft, pid \d+, has (changed|removed) a part of the trap.*: armed again/)
    assert.deepEqual(await settled(gate, before), before, name)
    await works(scanner, name)
  }
  assert.equal((await flypaperd.run('status')).code, 0)
  assert.doesNotMatch(daemon.output(), /^<3>/m, 'no errors')
  assert.doesNotMatch(daemon.output(), /MainThread/, 'what we do ourselves is nobody else’s')
}

const listening = rulesetOf(parseSettings(MODES.listening, 'test'), 'log')

/** What a mode has and listening has not. */
function beyond(ruleset: Ruleset): Ruleset {
  const isKnown = (all: readonly { name: string }[], name: string) => all.some(one => one.name === name)
  return {
    ...ruleset,
    chains: ruleset.chains.filter(({ name }) => !isKnown(listening.chains, name)),
    sets: ruleset.sets.filter(({ name }) => !isKnown(listening.sets, name)),
  }
}

test('what is at ingress: another policy, hook, priority, type or name of a chain, rules more or fewer', async () => {
  const settings = parseSettings(MODES.listening, 'test')
  const ruleset = beyond(rulesetOf(settings, 'log', { ...USUAL_GROUND, ingress: ['to-scanner'] }))
  const toml = `${MODES.listening}\ningress = ["to-scanner", "ppp0"]`
  await withTrap(toml, laboratory => tryEach(chainMutations(ruleset), laboratory))
})

for (const [mode, toml] of Object.entries(MODES)) {
  const all = rulesetOf(parseSettings(toml, 'test'), 'log')
  const ruleset = mode === 'listening' ? all : beyond(all)

  test(`${mode}: another policy, hook, priority, type or name of a chain, rules more or fewer`, async () => {
    await withTrap(toml, laboratory => tryEach(chainMutations(ruleset), laboratory))
  })

  test(`${mode}: another size, timeout or interval of a set`, async () => {
    await withTrap(toml, laboratory => tryEach(setMutations(ruleset), laboratory))
  })

  test(`${mode}: elements of sets that are not of flies`, async () => {
    await withTrap(toml, async laboratory => {
      await laboratory.flypaperd.must('lock', '198.51.100.0/25')
      await tryEach(elementMutations(ruleset, STRANGER), laboratory)
      await tryEach(emptyingMutations(FILLED), laboratory)
      await tryEach(catchAllMutations(ruleset), laboratory)
      await laboratory.gate.nft('flush set inet filter flypaper_hold')
      await laboratory.daemon.says(/nft, pid \d+, has ended \d+ holds/)
    })
  })
}

const ADMIN = `table inet filter {
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 22 accept; }
}`
const UNMATCHED = `${LOG}closed = "unmatched"\n[chains]\ninput = ["input"]`

test('the jump that start appended stays what it is, and the last rule of its chain', async () => {
  await withTrap(
    UNMATCHED,
    async ({ gate, scanner, flypaperd, daemon }) => {
      const rules = async () =>
        (await gate.must(['nft', '-a', 'list', 'chain', 'inet', 'filter', 'input'])).split('\n').slice(3, -3)
      const jump = async () => (await rules()).find(rule => rule.includes('jump flypaper_input'))!
      const before = await rules()
      const text = (rule: string | undefined) => rule?.replace(/ # handle \d+$/, '').trim()
      await works(scanner, 'before')

      const [, handle] = /# handle (\d+)/.exec(await jump())!
      const comment = /comment ".*"/.exec(await jump())![0]
      for (const [what, nft] of [
        [
          'under a condition',
          `replace rule inet filter input handle ${handle} ip saddr 203.0.113.9 jump flypaper_input ${comment}`,
        ],
        ['twice', `add rule inet filter input jump flypaper_input ${comment}`],
        ['behind a rule of the administrator', 'add rule inet filter input tcp dport 8080 accept'],
      ] as const) {
        await gate.nft(nft)
        await daemon.says(/nft, pid \d+, has (changed|removed) a part of the trap.*: armed again/)
        assert.equal(text((await rules()).at(-1)), text(before.at(-1)), what)
        assert.equal((await rules()).filter(rule => rule.includes('flypaper')).length, 1, what)
        await works(scanner, what)
      }
      await serve(gate, 'tcp:8080')
      const [client] = (
        await send(scanner, { bursts: [[{ source: fresh(), destination: GATE, tcp: 8080 }]] })
      ).answers
      assert.equal(client?.kind, 'syn-ack', 'whoever uses what he has opened is no offender')

      await gate.nft('add chain inet filter input { policy accept; }')
      await daemon.says(/has changed a part of the trap: armed again/)
      assert.equal(
        await jump(),
        undefined,
        'in a chain that accepts all, the jump would make offenders of clients',
      )
      const { code, stdout } = await flypaperd.run('status')
      assert.equal(code, 1)
      assert.match(stdout, /integration into input: +Missing \(no rule jumps to flypaper_input\)/)
      await gate.nft('add chain inet filter input { policy drop; }')
      await daemon.says(/has changed a part of the trap: armed again/)
      assert.equal(text(await jump()), text(before.at(-1)))
      await works(scanner, 'at the end')
    },
    ADMIN,
  )
})

test('a table that somebody puts to sleep stays asleep: it is told, and status is not OK, until he wakes it', async () => {
  await withTrap(
    UNMATCHED,
    async ({ gate, scanner, flypaperd, daemon }) => {
      const flags = async () =>
        /flags (\w+)/.exec(await gate.must(['nft', 'list', 'table', 'inet', 'filter']))?.[1]
      const opened = async () => {
        const burst = [81, 22].map(tcp => ({ source: fresh(), destination: GATE, tcp }))
        const { answers } = await send(scanner, { bursts: [burst], wait: 100 })
        return answers.map(({ kind }) => kind).sort()
      }
      const before = await state(gate)
      await works(scanner, 'before')
      await gate.nft('add table inet filter { flags dormant; }')
      await daemon.says(
        /^<4>nft, pid \d+, has put the trap to sleep: table inet filter is asleep \(flag dormant\), .* woken by: nft add table inet filter$/,
      )
      assert.deepEqual(await opened(), ['rst', 'syn-ack'], 'the control: his own rules sleep, too')
      const { code, stdout } = await flypaperd.run('status')
      assert.equal(code, 1)
      assert.match(stdout, /integration into input: +Missing \(table inet filter is asleep/)

      await gate.nft(
        'add chain inet filter flypaper_early { policy drop; }; flush chain inet filter flypaper_judge',
      )
      const { code: refused, stderr } = await flypaperd.run('reload')
      assert.notEqual(refused, 0)
      assert.match(stderr, /table inet filter is asleep/)
      assert.equal(await flags(), 'dormant', 'nothing has woken it')
      assert.doesNotMatch(daemon.output(), /armed again/)
      assert.equal(
        [...daemon.output().matchAll(/to sleep: table inet filter is asleep/g)].length,
        1,
        'told once',
      )

      await gate.nft('add table inet filter')
      await daemon.says(/^<6>nft, pid \d+, has woken the trap: armed again with 1 fly/)
      assert.deepEqual(await settled(gate, before), before)
      assert.equal((await flypaperd.run('status')).code, 0)
      await works(scanner, 'awake')

      await gate.nft(
        `flush ruleset\ntable inet filter { flags dormant; chain input { type filter hook input priority 0; policy drop; }; }`,
      )
      await daemon.says(/removed a part of the trap: table inet filter is asleep/)
      assert.equal(await flags(), 'dormant')
    },
    ADMIN,
  )
})

test('elements that do not belong there, and then everything gone: nothing is left to be done twice', async () => {
  await withTrap(MODES.listening, async ({ gate, scanner, daemon }) => {
    const before = await state(gate)
    await gate.nft(
      `add element inet filter flypaper_hold { ${STRANGER.four} timeout 30d }; flush chain inet filter flypaper_judge`,
    )
    await daemon.says(/has removed a part of the trap: armed again/)
    const hold = await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper_hold'])
    assert.doesNotMatch(hold, new RegExp(STRANGER.four))
    await gate.must([
      ...['sh', '-c'],
      `nft add element inet filter flypaper_hold '{ ${STRANGER.four} timeout 30d }'; nft flush ruleset`,
    ])
    await daemon.says(/armed again/)
    assert.deepEqual(await settled(gate, before), before)
    await works(scanner, 'afterwards')
    assert.doesNotMatch(daemon.output(), /^<3>/m, 'no errors')
  })
})

test('somebody who changes it back again and again does not win', async () => {
  await withTrap(MODES.listening, async ({ gate, scanner, daemon, flypaperd }) => {
    const before = await state(gate)
    const change = 'nft add chain inet filter flypaper_early "{ policy drop; }"'
    await gate.must(['sh', '-c', `i=0; while [ $i -lt 100 ]; do ${change}; i=$((i + 1)); done`])
    assert.deepEqual(await settled(gate, before), before)
    await works(scanner, 'afterwards')
    assert.equal((await flypaperd.run('status')).code, 0)
    const times = [...daemon.output().matchAll(/armed again/g)].length
    assert.ok(times > 0 && times < 100, `${times} times`)
    assert.match(
      daemon.output(),
      /has changed a part of the trap \(chain flypaper_early has type filter hook prerouting priority -450; policy drop;\): armed again/,
    )
  })
})

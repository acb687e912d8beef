/** The reflex at ingress: what its rules are, and how they come and go with the devices. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arm } from '../../src/arm/arm.ts'
import type { Change } from '../../src/arm/firewall.ts'
import { nearOf } from '../../src/arm/near.ts'
import { USUAL_GROUND } from '../../src/arm/ruleset/matches.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { textsOf } from '../../src/arm/ruleset/rule-text.ts'
import { bootRulesetOf, rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { Failure } from '../../src/terms/failure.ts'
import { EMPTY } from '../../src/terms/prefix-set.ts'
import { type FakeFirewall, fakeFirewall } from '../support/fake-firewall.ts'
import { fakeWorld } from '../support/fake-world.ts'

const NAMED = 'ingress = ["ppp0", "eth0"]\ncapture = "log"\nclosed = "listening"\n'
const OURS = ['flypaper_ingress', 'flypaper_ingress_reach', 'flypaper_ingress_stuck']

const rulesetAt = (devices: readonly string[], toml = '', ground = USUAL_GROUND) =>
  rulesetOf(parseSettings(`closed = "listening"\n${toml}`, 'test'), 'log', { ...ground, ingress: devices })

/** The rules of a chain, without comments. */
function rulesOf(name: string, ruleset = rulesetAt(['eth0'])): string[] {
  const { paragraphs } = ruleset.chains.find(chain => chain.name === name)!
  return paragraphs
    .flatMap(({ rules }) => rules.flatMap(textsOf))
    .map(text => text.replace(/ comment .*/, ''))
}

function armAt(firewall: FakeFirewall, devices: readonly string[], toml = '', isRearm = false) {
  const world = fakeWorld()
  const settings = { ...parseSettings(NAMED + toml, 'test'), closed: 'listening' as const }
  const near = nearOf(world.world.surroundings.neighbourhood(), EMPTY, { single: [] })
  const ruleset = rulesetAt(devices, toml)
  const { surroundings } = world.world
  return arm(
    {
      firewall,
      surroundings,
      settings,
      ruleset,
      near,
      never: EMPTY,
      flies: () => [],
      recalled: [],
      grace: 0,
    },
    { isRearm },
  )
}

const thereOf = (firewall: FakeFirewall) =>
  firewall
    .look()!
    .chains.map(({ name }) => name)
    .filter(name => OURS.includes(name))
    .sort()
const devicesOf = (firewall: FakeFirewall) =>
  firewall.look()!.chains.find(({ name }) => name === 'flypaper_ingress')?.devices

test('who sticks is told by the same rules as in flypaper_early, and who is spared as in flypaper_stuck', () => {
  const renamed = (text: string) => text.replace(/flypaper_(stuck|reach)\b/, 'flypaper_ingress_$1')
  assert.deepEqual(rulesOf('flypaper_ingress'), rulesOf('flypaper_early').map(renamed))
  const spared = rulesOf('flypaper_stuck').map(renamed)
  assert.deepEqual(['iif "lo" return', ...rulesOf('flypaper_ingress_stuck')], spared)
})

test('what it still reaches is the same, but for what only a later hook can tell', () => {
  const toml = 'public = ["tcp/443"]\ninside = ["10.0.0.0/8"]\n[history]\nsamples_per_second = 5'
  const ground = { ...USUAL_GROUND, inside: true, uplinks: ['eth0'] }
  const ruleset = rulesetAt(['eth0'], toml, ground)
  const early = rulesOf('flypaper_reach', ruleset)
  const atIngress = rulesOf('flypaper_ingress_reach', ruleset)
  const added = atIngress.filter(rule => !early.includes(rule))
  assert.deepEqual(added, [
    'meta pkttype != host return',
    'ip saddr @flypaper_inside ip daddr != @flypaper_inside return',
    'ip6 saddr @flypaper_inside6 ip6 daddr != @flypaper_inside6 return',
    'ip saddr @flypaper_peers return',
    'ip6 saddr and ffff:ffff:ffff:ffff:: @flypaper_peers6 ip6 saddr != @flypaper_single6 return',
    'ip6 saddr @flypaper_peers6 return',
  ])
  const left = early.filter(rule => !atIngress.includes(rule))
  assert.ok(left.length > 0 && left.every(rule => rule.includes('fib ')), left.join('\n'))
  assert.deepEqual(
    atIngress.filter(rule => !added.includes(rule)),
    early.filter(rule => !left.includes(rule)),
  )
})

test('nothing at ingress asks conntrack or routes, which other hooks must have known before', () => {
  const toml = 'public = ["tcp/443"]\ninside = ["10.0.0.0/8"]\n[history]\nsamples_per_second = 5'
  const ruleset = rulesetAt(['eth0'], toml, { ...USUAL_GROUND, inside: true, uplinks: ['eth0'] })
  const wanted = new Set(['flypaper_ingress'])
  for (const name of wanted)
    for (const rule of rulesOf(name, ruleset)) {
      assert.doesNotMatch(rule, /\b(ct|fib|socket|oif|oifname)\b/, name)
      for (const [, target] of rule.matchAll(/(?:goto|jump) (\w+)/g)) wanted.add(target!)
    }
  assert.ok(wanted.size > 4)
})

test('off unless devices are named and here; never in a dry run, nor in what is loaded at boot', () => {
  const names = (toml: string, boot = false) => {
    const settings = parseSettings(toml, 'test')
    const { chains } = boot ? bootRulesetOf(settings) : rulesetOf(settings, 'log')
    return chains.map(({ name }) => name as string).filter(name => OURS.includes(name))
  }
  assert.deepEqual(names(''), [])
  assert.deepEqual(names(NAMED, true), [])
  const world = fakeWorld()
  {
    using _ = world.open('ingress = ["eth0"]')
    assert.deepEqual(thereOf(world.firewall), OURS)
  }
  const dry = fakeWorld()
  using _ = dry.open('ingress = ["eth0"]\ndry_run = true')
  assert.deepEqual(thereOf(dry.firewall), [])
})

test('the chain has the devices as they are: made anew with others, left alone with the same, gone without any', () => {
  const firewall = fakeFirewall()
  const deleted = () =>
    firewall.transactions.flat().filter(({ change }: Change) => change === 'delete-chain').length
  armAt(firewall, ['ppp0', 'eth0'])
  assert.deepEqual([thereOf(firewall), devicesOf(firewall)], [OURS, ['eth0', 'ppp0']])
  armAt(firewall, ['eth0', 'ppp0'])
  assert.equal(deleted(), 0)
  armAt(firewall, ['eth0'])
  assert.deepEqual([thereOf(firewall), devicesOf(firewall), deleted()], [OURS, ['eth0'], 3])
  armAt(firewall, [])
  assert.deepEqual(thereOf(firewall), [])
})

test('a set that its rules ask can be made anew', () => {
  const firewall = fakeFirewall()
  armAt(firewall, ['eth0'])
  armAt(firewall, ['eth0'], '[lockout]\nwhile_trying = false')
  assert.equal(firewall.look()!.sets.find(({ name }) => name === 'flypaper')!.counter, false)
  assert.deepEqual(thereOf(firewall), OURS)
})

test('a device that has gone just now keeps nothing from being armed', () => {
  const firewall = fakeFirewall()
  const gone = new Error('No such file or directory')
  using _ = firewall.refuse(asked => typeof asked === 'string' && asked.includes('hook ingress'), gone)
  const { refused } = armAt(firewall, ['ppp0'])
  assert.equal(refused, gone)
  assert.deepEqual(thereOf(firewall), [])
  assert.ok(firewall.look()!.chains.some(({ name }) => name === 'flypaper_early'))
})

test('a kernel without ingress is told, and nothing is armed; it does not matter where nobody asks for it', () => {
  const firewall = fakeFirewall({ lacking: { ingress: true } })
  assert.throws(
    () => armAt(firewall, []),
    (error: Failure) =>
      error instanceof Failure && error.exit === 69 && /CONFIG_NETFILTER_INGRESS/.test(error.message),
  )
  assert.equal(firewall.look(), undefined)
  const world = fakeWorld()
  Object.assign(world.world.firewall, { supports: (what: string) => what !== 'ingress' })
  for (const toml of ['', 'ingress = ["eth0"]\ndry_run = true']) world.open(toml)[Symbol.dispose]()
})

test('as text it can be loaded again and again', () => {
  const text = render(rulesetAt(['b', 'a']))
  assert.match(
    text,
    /chain flypaper_ingress \{ type filter hook ingress devices = \{ "a", "b" \} priority -450; policy accept; comment/,
  )
  assert.match(text, /flush chain inet filter flypaper_ingress\n/)
})

test('a chain of its name at another priority or hook is made anew', () => {
  for (const hook of ['ingress devices = { "eth0" } priority 7', 'output priority 0']) {
    const firewall = fakeFirewall()
    armAt(firewall, ['eth0'])
    const anew = `flush chain inet filter flypaper_ingress
delete chain inet filter flypaper_ingress
table inet filter {
	chain flypaper_ingress {
		type filter hook ${hook}; policy drop;
	}
}
`
    firewall.others.load(anew)
    armAt(firewall, ['eth0'], '', true)
    const { priority, policy } = firewall.look()!.chains.find(({ name }) => name === 'flypaper_ingress')!
    assert.deepEqual([devicesOf(firewall), priority, policy], [['eth0'], -450, 'accept'], hook)
  }
})

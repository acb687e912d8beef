/** The text as such; what it means to the kernel is shown by the golden files and the kernel tests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list } from '../../src/arm/ruleset/matches.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rule } from '../../src/arm/ruleset/rule.ts'
import { bootRulesetOf, rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import { because, type Ruleset } from '../../src/arm/ruleset/spec.ts'
import { parseSettings } from '../../src/settings/load.ts'

const SMALL: Ruleset = {
  sets: [
    { name: 'flypaper', why: 'The flies.', type: 'ipv4_addr', flags: ['timeout'], size: 9 },
    {
      name: 'flypaper_never',
      why: 'Never.',
      type: 'ipv4_addr',
      flags: ['interval'],
      elements: () => ['192.0.2.0/24'],
    },
    { name: 'flypaper_never6', why: 'Never.', type: 'ipv6_addr', flags: ['interval'], elements: () => [] },
  ],
  chains: [
    {
      name: 'flypaper_early',
      why: 'First.',
      hook: 'type filter hook prerouting priority -450; policy accept;',
      paragraphs: [
        because('why one', [rule(['iif "lo"'], 'return'), rule([], 'counter', 'drop')], 'More of it.'),
        because('why two', [rule([{ field: 'ip daddr', of: list('ours', '192.0.2.1, 192.0.2.2') }], 'drop')]),
      ],
    },
    { name: 'flypaper_input', why: 'Unused.', paragraphs: [] },
  ],
  absent: [{ name: 'flypaper_listening', hook: 'type filter hook input priority -10; policy accept;' }],
}

const EARLY = 'type filter hook prerouting priority -450; policy accept;'

test('declared, flushed, filled: in this order, so that what is there stays', () => {
  assert.equal(
    render(SMALL),
    `table inet filter {
	set flypaper {
		type ipv4_addr
		size 9
		flags timeout
		comment "The flies."
	}
	set flypaper_never { type ipv4_addr; flags interval; comment "Never."; }
	set flypaper_never6 { type ipv6_addr; flags interval; comment "Never."; }

	chain flypaper_early { ${EARLY} comment "First."; }
	chain flypaper_input { comment "Unused."; }
	chain flypaper_listening { type filter hook input priority -10; policy accept; }
}

flush chain inet filter flypaper_early
flush chain inet filter flypaper_input
flush chain inet filter flypaper_listening

delete chain inet filter flypaper_listening

flush set inet filter flypaper_never
flush set inet filter flypaper_never6

table inet filter {
	set flypaper_never {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.0/24 }
	}

	define ours = { 192.0.2.1, 192.0.2.2 }

	chain flypaper_early {
		${EARLY}
		# More of it.
		iif "lo" return comment "why one"
		counter drop comment "why one"
		ip daddr $ours drop comment "why two"
	}
}
`,
  )
})

test('a set that is made anew gets its elements back in the same transaction, also those that stay for ever', () => {
  const keep = { flypaper: [{ element: '192.0.2.7', seconds: 60 }, { element: '192.0.2.8' }] }
  const text = render(SMALL, ['flypaper'], keep)
  const anew = text.slice(text.indexOf('delete set'))
  assert.match(
    anew,
    /^delete set inet filter flypaper\ntable inet filter \{\n\tset flypaper \{[^}]*elements = \{ 192\.0\.2\.7 timeout 60s, 192\.0\.2\.8 \}/,
  )
  assert.ok(
    text.indexOf('flush chain inet filter flypaper_early') < text.indexOf('delete set'),
    'no rule refers to it',
  )
  assert.doesNotMatch(render(SMALL, ['flypaper']).slice(0, -1), /set flypaper \{[^}]*elements/)
})

test('notes are wrapped, and no word is lost', () => {
  const note = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ')
  const chain = { ...SMALL.chains[0]!, paragraphs: [because('why', [rule([], 'drop')], note)] }
  const text = render({ sets: [], chains: [chain], absent: [] })
  const lines = text.split('\n').filter(line => line.startsWith('\t\t#'))
  assert.ok(lines.length > 1 && lines.every(line => line.length <= 114))
  assert.equal(lines.map(line => line.slice(4)).join(' '), note)
})

test('the never-list of the settings is the only thing of theirs in the text, merged', () => {
  const settings = parseSettings(
    'never = ["192.0.2.53", "192.0.2.0/24", "2001:db8::/32", "2001:db8:1::5"]',
    'test',
  )
  for (const text of [render(rulesetOf(settings, 'log')), render(bootRulesetOf(settings))]) {
    const elements = [...text.matchAll(/elements = \{ (.*) \}/g)].map(([, list]) => list)
    assert.deepEqual(elements, ['192.0.2.0/24', '2001:db8::/32'])
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  differenceOf,
  isOfXtables,
  setsIn,
  tablesIn,
  withElements,
  withoutTables,
} from '../../src/prove/listing.ts'

/** As `nft -s -t list ruleset` writes it. */
const LISTING = `# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		meta l4proto tcp xt match recent counter accept
	}
}
table inet filter {
	set flypaper {
		type ipv4_addr
		size 65536
		flags timeout
	}

	set blocked {
		type ipv4_addr
		flags interval
	}

	map ports {
		type inet_service : verdict
	}

	chain input {
		type filter hook input priority filter; policy drop;
		ip saddr @blocked counter drop comment "no xt match here"
		tcp dport vmap @ports
	}
}
`
const BLOCKED = `table inet filter {
	set blocked {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.0.2.7,
			     $& }
	}
}
`

test('tables, and those that iptables alone can read', () => {
  const tables = tablesIn(LISTING)
  assert.deepEqual(
    tables.map(table => [table.family, table.name, isOfXtables(table)]),
    [
      ['ip', 'filter', true],
      ['inet', 'filter', false],
    ],
  )
  const rest = withoutTables(LISTING, tables.filter(isOfXtables))
  assert.doesNotMatch(rest, /^table ip filter/m)
  assert.match(rest, /^table inet filter \{\n\tset flypaper/m)
})

test('the elements of others’ sets are put where they belong; those of the trap are not asked for', () => {
  const sets = ['set inet filter blocked', 'map inet filter ports']
  assert.deepEqual(setsIn(LISTING), sets)
  const full = withElements(LISTING, new Map([[sets[0]!, BLOCKED]]))
  const block = BLOCKED.slice(BLOCKED.indexOf('\n') + 1, BLOCKED.lastIndexOf('}'))
  assert.equal(
    full,
    LISTING.replace('\tset blocked {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t}\n', () => block),
  )
})

test('tables are alike whatever the order of their chains, and those without rules', () => {
  const table = (...chains: string[]) => tablesIn(`table ip filter {\n${chains.join('\n\n')}\n}`)[0]!
  const chain = (name: string, ...rules: string[]) =>
    `\tchain ${name} {\n${rules.map(rule => `\t\t${rule}\n`).join('')}\t}`
  const hook = 'type filter hook forward priority filter; policy accept;'
  const [one, two] = [chain('one', 'accept', 'drop'), chain('two', 'drop')]
  assert.equal(
    differenceOf(table(one, two), table(chain('FORWARD', hook), two, chain('none'), one)),
    undefined,
  )
  assert.equal(differenceOf(table(one, two), table(two, chain('one', 'drop', 'accept'))), 'chain one')
  assert.equal(differenceOf(table(one), table(one, two)), 'chain two')
  assert.equal(differenceOf(table(one), undefined), 'chain one')
  const refuses = chain('FORWARD', hook.replace('accept', 'drop'))
  assert.equal(differenceOf(table(refuses), table(chain('FORWARD', hook))), 'chain FORWARD')
})

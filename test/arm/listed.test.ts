/** What the never-list brings into the sets: written in pieces, none of which the kernel would refuse, and nobody is missing in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exchanges, fillListed } from '../../src/arm/listed.ts'
import { halves } from '../../src/system/halves.ts'
import { parseAddress, prefixAround } from '../../src/terms/address.ts'
import { EMPTY, type PrefixSet, prefixesIn, prefixSet } from '../../src/terms/prefix-set.ts'
import { type FakeFirewall, fakeFirewall } from '../support/fake-firewall.ts'

const SETS = `table inet filter {
	set flypaper_never { type ipv4_addr; flags interval; }
	set flypaper_never6 { type ipv6_addr; flags interval; }
	set flypaper_single6 { type ipv6_addr; flags interval; }
	set flypaper_grace { type nf_proto; flags timeout; }
}
`

/** Of few different bits, so that they often nest, touch and repeat. */
const crowded = fc
  .tuple(fc.constantFrom('192.0.2.0', '255.255.255.248', '2001:db8::', 'ffff:ffff::'), fc.nat(7), fc.nat(4))
  .map(([text, low, up]) => {
    const bits = text.includes(':') ? 128 : 32
    const address = parseAddress(
      text.includes(':') ? `${text}${low}` : text.replace(/\d+$/, last => String(Number(last) + low)),
    )!
    return prefixAround(address, bits - up)
  })
const list = fc.array(crowded, { maxLength: 20 }).map(prefixSet)

const textsOf = (set: PrefixSet) => [...prefixesIn(set)].map(({ text }) => text)

function held(firewall: FakeFirewall): string[] {
  return [...firewall.elementsOf('flypaper_never').keys(), ...firewall.elementsOf('flypaper_never6').keys()]
}

function filled(never: PrefixSet): FakeFirewall {
  const firewall = fakeFirewall()
  firewall.load(SETS)
  for (const change of exchanges({ never: EMPTY, singles: EMPTY }, { never, singles: EMPTY }, 3))
    firewall.change([change])
  return firewall
}

test('of one list the pieces make the other; whoever is in both is there all the time, in each of them', () => {
  fc.assert(
    fc.property(list, list, fc.integer({ min: 1, max: 4 }), (before, after, most) => {
      const firewall = filled(before)
      assert.deepEqual(held(firewall).sort(), textsOf(before).sort())
      const hosts = [...textsOf(before), ...textsOf(after)]
        .map(text => prefixAround(parseAddress(text.split('/')[0]!)!, text.includes(':') ? 128 : 32))
        .filter(host => before.overlaps(host) && after.overlaps(host))
      const from = { never: before, singles: EMPTY }
      for (const change of exchanges(from, { never: after, singles: EMPTY }, most)) {
        firewall.change([change])
        const now = prefixSet(
          held(firewall).map(text =>
            prefixAround(
              parseAddress(text.split('/')[0]!)!,
              Number(text.split('/')[1] ?? (text.includes(':') ? 128 : 32)),
            ),
          ),
        )
        for (const host of hosts) assert.ok(now.overlaps(host), host.text)
      }
      assert.deepEqual(held(firewall).sort(), textsOf(after).sort())
    }),
  )
})

test('what stays is not written at all', () => {
  const same = prefixSet([
    prefixAround(parseAddress('192.0.2.0')!, 24),
    prefixAround(parseAddress('2001:db8::')!, 32),
  ])
  assert.deepEqual([...exchanges({ never: same, singles: same }, { never: same, singles: same })], [])
})

test('an exchange that is too large for one transaction: what goes, then what comes, each by halves', () => {
  fc.assert(
    fc.property(list, list, (before, after) => {
      const firewall = filled(before)
      const split = (changes: Parameters<typeof halves>[0]): void => {
        const smaller = halves(changes)
        if (smaller === undefined) firewall.change(changes)
        else for (const part of smaller) split(part)
      }
      for (const change of exchanges(
        { never: before, singles: EMPTY },
        { never: after, singles: EMPTY },
        100,
      ))
        split([change])
      assert.deepEqual(held(firewall).sort(), textsOf(after).sort())
    }),
  )
})

const many = prefixSet(
  Array.from({ length: 20 }, (_, i) => prefixAround(parseAddress(`203.0.${i >> 7}.${(2 * i) & 255}`)!, 32)),
)
const few = prefixSet([prefixAround(parseAddress('192.0.2.0')!, 24)])

test('sets of which nobody knows what they hold: all at once where that is little, else nobody is judged meanwhile', () => {
  for (const [wanted, graces] of [
    [few, 0],
    [many, 1],
  ] as const) {
    const firewall = filled(few)
    firewall.others.add('flypaper_never', '198.51.100.1')
    const from = firewall.transactions.length
    fillListed(firewall, { never: wanted, singles: EMPTY }, firewall.look(), undefined, 10)
    const asked = firewall.transactions.slice(from)
    const grace = asked.filter(changes =>
      changes.some(one => one.change === 'add' && one.set === 'flypaper_grace'),
    )
    assert.equal(grace.length, graces)
    assert.equal(asked.length === 1, graces === 0, 'in one transaction')
    assert.deepEqual(held(firewall).sort(), textsOf(wanted).sort())
  }
})

test('… and so it is where somebody has changed what should be known; new sets need no grace', () => {
  const firewall = filled(few)
  firewall.others.delete('flypaper_never', '192.0.2.0/24')
  fillListed(firewall, { never: many, singles: EMPTY }, firewall.look(), { never: few, singles: EMPTY }, 10)
  assert.deepEqual(held(firewall).sort(), textsOf(many).sort())
  const fresh = fakeFirewall()
  fresh.load(SETS)
  fillListed(fresh, { never: many, singles: EMPTY }, undefined, undefined, 10)
  assert.deepEqual(held(fresh).sort(), textsOf(many).sort())
  assert.equal(fresh.elementsOf('flypaper_grace').size, 0)
})

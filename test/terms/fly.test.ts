import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Address, overlaps, parseAddress, parsePrefix, prefixAround } from '../../src/terms/address.ts'
import { elementOf, flyNamer, flyOfElement, prefixOf } from '../../src/terms/fly.ts'
import { prefixSet } from '../../src/terms/prefix-set.ts'

const nameFly = flyNamer(
  prefixSet(['64:ff9b::/96', '2001:db8:1::/64', '2001:db8:52::/48'].map(text => parsePrefix(text)!)),
)

const FLIES = [
  { source: '69.0.231.79', fly: '69.0.231.79', set: 'flypaper', element: '69.0.231.79' },
  { source: '2001:db8:2:3:4:5:6:7', fly: '2001:db8:2:3::/64', set: 'flypaper6', element: '2001:db8:2:3::' },
  { source: '2001:db8:1::5', fly: '2001:db8:1::5', set: 'flypaper6', element: '2001:db8:1::5' },
  { source: '2001:db8:52:9::5', fly: '2001:db8:52:9::5', set: 'flypaper6', element: '2001:db8:52:9::5' },
  { source: '64:ff9b::102:304', fly: '64:ff9b::102:304', set: 'flypaper6', element: '64:ff9b::102:304' },
]

for (const { source, fly, set, element } of FLIES) {
  test(`${source} is the fly ${fly}, and back`, () => {
    assert.equal(nameFly(source as Address), fly)
    assert.equal(nameFly(source as Address), fly, 'also from the cache')
    assert.deepEqual(elementOf(nameFly(source as Address)), { set, element })
    assert.equal(flyOfElement(element), fly)
    assert.equal(prefixOf(nameFly(source as Address)).text, fly)
  })
}

test('an element that is no address is nobody', () => assert.equal(flyOfElement('flypaper'), undefined))

test('who sticks alone is whoever shares a /64 with one of the singles', () => {
  const part = fc.constantFrom('0', '1', '2')
  const ipv6 = fc.array(part, { minLength: 8, maxLength: 8 }).map(parts => parseAddress(parts.join(':'))!)
  const singles = fc.array(
    fc.tuple(ipv6, fc.nat(128)).map(([address, length]) => prefixAround(address, length)),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(ipv6, singles, (address, singles) => {
      const around = prefixAround(address, 64)
      const isSingle = singles.some(single => overlaps(single, around))
      assert.equal(flyNamer(prefixSet(singles))(address), isSingle ? address : around.text)
    }),
  )
})

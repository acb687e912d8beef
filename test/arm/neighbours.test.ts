import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followNeighbours } from '../../src/arm/near.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import type { Neighbourhood, Surroundings } from '../../src/arm/surroundings.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { type Address, parsePrefix } from '../../src/terms/address.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'

const address = (text: string) => text as Address
const prefix = (text: string) => parsePrefix(text)!
const expel = () => {}
const HOME: Neighbourhood = {
  own: [address('192.0.2.1')],
  gateways: [address('192.0.2.254')],
  resolvers: [address('192.0.2.254')],
  onLink6: [],
}

function machine() {
  const firewall = fakeFirewall()
  firewall.load(render(rulesetOf(parseSettings('', 'test'), 'log')))
  let transactions = 0
  const { change } = firewall
  firewall.change = changes => {
    transactions++
    change(changes)
  }
  let now = HOME
  const surroundings = { neighbourhood: () => now } as Surroundings
  return {
    neighbours: followNeighbours(firewall, surroundings, [prefix('2001:db8:51:1::7')]),
    own: () => [...firewall.elementsOf('flypaper_own').keys()],
    singles: () => [...firewall.elementsOf('flypaper_single6').keys()],
    transactions: () => transactions,
    moves: (changes: Partial<Neighbourhood>) => {
      now = { ...HOME, ...changes }
    },
  }
}

test('the kernel is bothered only when something has changed', () => {
  const { neighbours, transactions, moves, own } = machine()
  neighbours.refresh(expel)
  assert.equal(transactions(), 0)
  moves({ own: [address('198.51.100.1')] })
  neighbours.refresh(expel)
  neighbours.refresh(expel)
  assert.equal(transactions(), 1)
  assert.deepEqual(own(), ['192.0.2.254', '198.51.100.1'])
  moves({})
  neighbours.refresh(expel)
  assert.deepEqual(own(), ['192.0.2.1', '192.0.2.254'], 'an address that is gone is nobody special')
})

test('judge and names of flies follow', () => {
  const { neighbours, moves, singles } = machine()
  const near = () => neighbours.near().map(({ text }) => text)
  assert.deepEqual(near(), ['192.0.2.1', '192.0.2.254'])
  assert.equal(neighbours.nameFly(address('2001:db8:1::5')), '2001:db8:1::/64')
  assert.equal(
    neighbours.nameFly(address('2001:db8:51:1::8')),
    '2001:db8:51:1::8',
    'beside one never locked out',
  )
  moves({ resolvers: [address('9.9.9.9')], onLink6: [prefix('2001:db8:1::/64')] })
  neighbours.refresh(expel)
  assert.deepEqual(near(), ['9.9.9.9', '192.0.2.1', '192.0.2.254'])
  assert.equal(neighbours.nameFly(address('2001:db8:1::5')), '2001:db8:1::5')
  assert.deepEqual(singles(), ['64:ff9b::/96', '2001:db8:1::/64', '2001:db8:51:1::/64'])
})

test('when the kernel refuses, the change is tried again', () => {
  const firewall = fakeFirewall()
  let now = HOME
  const neighbours = followNeighbours(firewall, { neighbourhood: () => now } as Surroundings, [])
  now = { ...HOME, own: [] }
  assert.throws(() => neighbours.refresh(expel), /no set/)
  assert.throws(() => neighbours.refresh(expel), /no set/)
  firewall.load(render(rulesetOf(parseSettings('', 'test'), 'log')))
  neighbours.refresh(expel)
  assert.deepEqual([...firewall.elementsOf('flypaper_own').keys()], ['192.0.2.254'])
})

test('who becomes near is expelled, also when that has failed before', () => {
  const { neighbours, moves } = machine()
  const expelled: string[][] = []
  neighbours.refresh(() => assert.fail('nothing has changed'))
  moves({ gateways: [address('192.0.2.253')] })
  const failing = () => {
    throw new Error('the kernel is busy')
  }
  assert.throws(() => neighbours.refresh(failing), /busy/)
  neighbours.refresh(near => void expelled.push(near.map(({ text }) => text)))
  assert.deepEqual(expelled, [['192.0.2.1', '192.0.2.253', '192.0.2.254']])
})

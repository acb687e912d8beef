/** Whom this machine has to do with is renewed in sets that strangers fill as well. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Change, SetFull } from '../../src/arm/firewall.ts'
import { connectedHosts, hostsInUse, renew, renewCalled } from '../../src/arm/met.ts'
import type { Called } from '../../src/arm/surroundings.ts'
import type { Address } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'

const HOSTS = ['198.51.100.7', '2001:db8:7::7', '2001:db8:7::8', '198.51.100.8'] as Address[]
const nameFly = (source: Address) => (source.includes(':') ? source.replace(/::.*/, '::/64') : source) as Fly

test('each is put in once, as flies are named, into the sets of its family', () => {
  const met = hostsInUse(HOSTS, nameFly)
  assert.deepEqual(met, [
    { set: 'flypaper_peers', elements: ['198.51.100.7', '198.51.100.8'] },
    { set: 'flypaper_peers6', elements: ['2001:db8:7::'] },
  ])
  assert.deepEqual(connectedHosts([], nameFly), [])
})

test('where there is no room for all, those who are in the set are renewed', () => {
  const done: Change[] = []
  const firewall = {
    change(changes: readonly Change[]) {
      if (changes.some(change => 'elements' in change && change.elements.length > 1)) throw new SetFull()
      done.push(...changes)
    },
    ask: () => [{ element: HOSTS[0]! }],
  }
  renew(firewall, hostsInUse(HOSTS, nameFly))
  const elements = [{ element: HOSTS[0]! }]
  assert.deepEqual(done.slice(0, 2), [
    { change: 'remove', set: 'flypaper_peers', elements },
    { change: 'add', set: 'flypaper_peers', elements },
  ])
  assert.equal(done.length, 4, 'and the other family, which has room')
  const broken = { ...firewall, change: () => assert.fail('refused') }
  assert.throws(() => renew(broken, hostsInUse(HOSTS, nameFly)), /refused/)
})

test('flows to who sticks go into the set of their family; where that is full, nothing else fails', () => {
  const done: Change[] = []
  const change = (changes: readonly Change[]) => {
    if (changes.some(one => one.change === 'add' && one.set === 'flypaper_called')) throw new SetFull()
    done.push(...changes)
  }
  const six = ['2001:db8:7::7', 17, 53, 40_000] as const
  renewCalled(
    { change },
    [['198.51.100.7', 6, 443, 40_000], six].map(flow => flow as unknown as Called),
  )
  assert.deepEqual(
    done,
    (['remove', 'add'] as const).map(change => ({
      change,
      set: 'flypaper_called6',
      elements: [{ element: six }],
    })),
  )
  assert.throws(
    () => renewCalled({ change: () => assert.fail('refused') }, [six as unknown as Called]),
    /refused/,
  )
})

/** The comparison of sets and index, with listings that are not what the sets hold. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flyChanges } from '../../src/arm/flies.ts'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { FoundElement } from '../../src/keep/external-changes.ts'
import type { SetState } from '../../src/keep/reconcile.ts'
import { indexOf } from '../../src/lockout/flies.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import type { Address } from '../../src/terms/address.ts'
import type { Fly } from '../../src/terms/fly.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { kernelSetsOf } from '../support/fake-kernel-sets.ts'
import { reconciling } from '../support/reconciling.ts'

const HOUR = 3_600_000
const LOADED = `table inet filter {
\tset flypaper {
\t\tflags timeout
\t}
\tset flypaper6 {
\t\tflags timeout
\t}
\tset flypaper_by_hand {
\t\tflags timeout
\t}
}
`
const FLIES = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '2001:db8:1::/64', '2001:db8:2::/64'] as Fly[]
const SIX = { '2001:db8:1::/64': '2001:db8:1::', '2001:db8:2::/64': '2001:db8:2::' } as Record<string, string>
const elementOf = (fly: string) => (SIX[fly] ?? fly) as Address

/** All flies are in index and sets; a listing of the sets is what `listing` makes of it. */
function laboratory(
  listing: (set: string, elements: readonly FoundElement[]) => readonly FoundElement[],
  meanwhile = () => {},
) {
  const now = Date.now
  const firewall = fakeFirewall()
  firewall.load(LOADED)
  const history = openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
  history.add(
    FLIES.map(source => ({
      source,
      because: 'by-hand',
      grade: 'by-hand',
      since: now(),
      until: now() + HOUR,
      times: 1,
    })),
  )
  firewall.change(flyChanges([...indexOf(history, now()).timed(now)]))
  const changed: string[] = []
  const watched = {
    ...firewall,
    change(changes: Parameters<typeof firewall.change>[0]) {
      changed.push(...changes.map(({ change }) => change))
      firewall.change(changes)
    },
  }
  const kernelSets = kernelSetsOf(firewall, async (set, elements) => {
    const told = listing(set, elements)
    meanwhile()
    return told
  })
  const { run, flies } = reconciling({ firewall: watched, kernelSets, history, now })
  return {
    run,
    firewall,
    watched,
    changed,
    kernelSets,
    names: () => [...flies].map(([fly]) => fly),
  }
}

const without =
  (...elements: string[]) =>
  (_: string, found: readonly FoundElement[]) =>
    found.filter(({ element }) => !elements.includes(element))

for (const state of ['confirmed', 'restored', 'audit'] as const satisfies readonly SetState[])
  test(`${state}: a listing that leaves flies out frees nobody, and nothing is to be mended`, async () => {
    const { run, names, changed } = laboratory(without('198.51.100.1', '198.51.100.2', '2001:db8:1::'))
    assert.deepEqual(await run(state), { freed: [], adopted: [], mended: 0 })
    assert.deepEqual(names().sort(), [...FLIES].sort())
    assert.deepEqual(changed, [])
  })

test('the control: who was really taken out while no daemon ran was freed by hand', async () => {
  const { run, names, firewall } = laboratory(without('198.51.100.1', '198.51.100.2'))
  const gone = ['198.51.100.2', '2001:db8:2::/64'] as Fly[]
  for (const fly of gone)
    firewall.take(fly.includes(':') ? 'flypaper6' : 'flypaper', [elementOf(fly) as Address])
  const settled = await run('confirmed')
  assert.deepEqual(settled?.freed, gone)
  assert.deepEqual(names().sort(), FLIES.filter(fly => !gone.includes(fly)).sort())
})

test('the control: who is really missing in sets that were restored is put back', async () => {
  const { run, firewall } = laboratory((_, found) => found)
  firewall.take('flypaper', ['198.51.100.3' as Address])
  assert.equal((await run('audit'))?.mended, 1)
  assert.ok(firewall.elementsOf('flypaper').has('198.51.100.3'))
})

test('sets that are gone, or are others than those that were listed, tell of nobody who was freed', async () => {
  const gone = laboratory(() => [])
  gone.kernelSets.find = () => undefined
  await assert.rejects(gone.run('confirmed'), /replaced/)
  assert.deepEqual(gone.names().sort(), [...FLIES].sort())

  let handle = 7
  const others = laboratory(
    () => [],
    () => {
      handle = 8
      others.firewall.take('flypaper', ['198.51.100.1' as Address])
    },
  )
  others.watched.look = () => {
    const table = others.firewall.look()!
    return { ...table, handle, sets: table.sets.map(set => ({ ...set, handle })) }
  }
  await assert.rejects(others.run('confirmed'), /replaced/)
  assert.deepEqual(others.names().sort(), [...FLIES].sort())
})

test('who was locked out and freed again while a listing went on is not locked out by hand', async () => {
  const ghost = { element: '198.51.100.77' as Address, seconds: 3600 }
  const { run, names } = laboratory((set, found) => (set === 'flypaper' ? [...found, ghost] : found))
  assert.deepEqual(await run('confirmed'), { freed: [], adopted: [], mended: 0 })
  assert.ok(!names().includes('198.51.100.77' as Fly))
})

test('the control: who is in the set, and was no fly, was locked out by hand', async () => {
  const { run, firewall, names } = laboratory((_, found) => found)
  firewall.change([
    {
      change: 'add',
      set: 'flypaper',
      elements: [{ element: '198.51.100.77' as Address, seconds: 3600 }],
    },
  ])
  assert.deepEqual((await run('confirmed'))?.adopted, ['198.51.100.77'])
  assert.ok(names().includes('198.51.100.77' as Fly))
})

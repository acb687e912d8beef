import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { Audit } from '../../src/keep/audit.ts'
import type { ForeignTransaction, Strange } from '../../src/keep/external-changes.ts'
import { keepTrap } from '../../src/keep/keeper.ts'
import { indexOfFlies } from '../../src/lockout/flies.ts'
import { openEvents } from '../../src/log/events.ts'
import { openDatabase } from '../../src/system/sqlite.ts'
import { fakeFirewall } from '../support/fake-firewall.ts'
import { quietKernelSets } from '../support/fake-kernel-sets.ts'

const FLUSH: ForeignTransaction = {
  pid: 4711,
  name: 'nft\n',
  cut: false,
  changes: [{ op: 'delete', kind: 'table', name: 'filter' }],
}

const NOTHING = {
  follows: () => false,
  elementsChanged() {},
  audit: () => ({ isAsleep: false, fault: undefined, changed: undefined }),
  released() {},
  found() {},
  restore() {},
  refill() {},
  takeOut() {},
}

function laboratory(arm: (strange: readonly Strange[]) => void, audit: () => Audit = NOTHING.audit) {
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const log = { info: say, warn: say, error: say }
  const now = Date.now
  const firewall = fakeFirewall()
  const history = openHistory(openDatabase(':memory:', { migrations: MIGRATIONS, readOnly: false }))
  let foreign: (transaction: ForeignTransaction) => void = () => {}
  const kernelSets = {
    ...quietKernelSets,
    watch(told: { onForeign: typeof foreign }) {
      foreign = told.onForeign
      return { [Symbol.dispose]() {} }
    },
  }
  const world = {
    firewall,
    kernelSets,
    history,
    log,
    events: openEvents(log, now),
    now,
    flies: indexOfFlies(),
  }
  const keeper = keepTrap(world, {
    ...NOTHING,
    arm,
    audit,
    chains: () => [],
    keepsFlies: true,
    rulesChanged() {},
  })
  keeper.watch()
  return { keeper, said, others: (transaction: ForeignTransaction) => foreign(transaction) }
}

test('a foreign flush: armed again at once, and who did it is named', () => {
  let armed = 0
  const { keeper, said, others } = laboratory(() => armed++)
  using _ = keeper
  others(FLUSH)
  assert.equal(armed, 1)
  assert.match(
    said[0]!,
    /^nft\\x0a, pid 4711, has removed a part of the trap: armed again with 0 flies, in \d+ ms$/,
  )
})

test('arming again that fails is said, and tried again', async () => {
  let attempts = 0
  const { keeper, said, others } = laboratory(() => {
    if (++attempts === 1) throw new Error('the kernel is busy')
  })
  using _ = keeper
  others(FLUSH)
  assert.match(said[0]!, /has removed a part of the trap, and arming again failed: Error: the kernel is busy/)
  for (let patience = 200; keeper.counts().rearmed === 0 && patience > 0; patience--) await sleep(20)
  assert.equal(keeper.counts().rearmed, 1)
})

test('two programs that undo each other do it once a second at most', async () => {
  let armed = 0
  const { keeper, others } = laboratory(() => {
    armed++
    setImmediate(() => others(FLUSH))
  })
  using _ = keeper
  others(FLUSH)
  await sleep(1500)
  assert.ok(armed > 1 && armed <= 13, `armed ${armed} times`)
})

const declares = (name: string): ForeignTransaction => ({
  ...FLUSH,
  name: 'nft',
  changes: [{ op: 'new', kind: 'chain', name }],
})

test('what somebody declares is looked at, and armed again only when it is another', () => {
  let changed: string | undefined
  let armed = 0
  const { keeper, said, others } = laboratory(
    () => armed++,
    () => ({ isAsleep: false, fault: changed, changed }),
  )
  using _ = keeper
  others(declares('flypaper_input'))
  assert.deepEqual([armed, said], [0, []])
  changed = 'chain flypaper_early is missing'
  keeper.check('somebody')
  assert.match(
    said[0]!,
    /^somebody has changed a part of the trap \(chain flypaper_early is missing\): armed again with 0 flies/,
  )
  assert.equal(armed, 1)
})

test('what cannot be set right arms nothing again by itself; but what is announced may have come while it was armed', () => {
  let armed = 0
  const lasting = () => ({ isAsleep: false, fault: 'set flypaper_own has size 3', changed: undefined })
  const audited = laboratory(() => armed++, lasting)
  using _audited = audited.keeper
  audited.keeper.check('somebody')
  assert.equal(armed, 0)
  const announced = laboratory(() => armed++, lasting)
  using _announced = announced.keeper
  announced.others(declares('flypaper_own'))
  assert.equal(armed, 1)
})

test('a table that sleeps is not armed, which is told once; when it wakes it is', async () => {
  let isAsleep = true
  let armed = 0
  const { keeper, said, others } = laboratory(
    () => armed++,
    () => ({ isAsleep, fault: 'dead', changed: 'dead' }),
  )
  using _ = keeper
  others(declares('any'))
  others(FLUSH)
  keeper.check('somebody')
  assert.equal(armed, 0)
  assert.equal(said.length, 1)
  assert.match(
    said[0]!,
    /^nft, pid 4711, has put the trap to sleep: table inet filter is asleep \(flag dormant\)/,
  )
  assert.equal(keeper.isAsleep(), true)
  isAsleep = false
  keeper.check('nft, pid 4712,')
  for (let patience = 200; armed === 0 && patience > 0; patience--) await sleep(20)
  assert.match(said[1]!, /^nft, pid 4712, has woken the trap: armed again/)
})

test('what others have put into the sets is taken out when it is armed, also when that takes two attempts', async () => {
  const handed: (readonly Strange[])[] = []
  const { keeper, others } = laboratory(strange => {
    handed.push(strange)
    if (handed.length === 1) throw new Error('the kernel is busy')
  })
  using _ = keeper
  const keys = [Uint8Array.of(192, 0, 2, 1)]
  others({ ...FLUSH, changes: [{ op: 'new', kind: 'element', name: 'flypaper_hold', elements: [], keys }] })
  for (let patience = 200; handed.length < 2 && patience > 0; patience--) await sleep(20)
  assert.deepEqual(handed, [[{ set: 'flypaper_hold', keys }], [{ set: 'flypaper_hold', keys }]])
  keeper.rearm('again')
  for (let patience = 200; handed.length < 3 && patience > 0; patience--) await sleep(20)
  assert.deepEqual(handed[2], [])
})

test('without a watch it goes on, and says so', () => {
  const { said } = (() => {
    const said: string[] = []
    const say = (line: string) => void said.push(line)
    const log = { info: say, warn: say, error: say }
    const kernelSets = {
      ...quietKernelSets,
      watch() {
        throw new Error('no netlink')
      },
    }
    const world = { kernelSets, log, now: Date.now } as never
    using keeper = keepTrap(world, {
      ...NOTHING,
      arm() {},
      chains: () => [],
      keepsFlies: true,
      rulesChanged() {},
    })
    keeper.watch()
    return { said }
  })()
  assert.deepEqual(said, ['changes by others are seen once a minute only: Error: no netlink'])
})

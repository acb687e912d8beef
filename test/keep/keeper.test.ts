import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHistory } from '../../src/history/history.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import type { ForeignTransaction } from '../../src/keep/external-changes.ts'
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
  audit: () => ({ isAsleep: false, fault: undefined, changed: undefined }),
  released() {},
  found() {},
  restore() {},
  refill() {},
  takeOut() {},
}

function laboratory(arm: () => void) {
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
  const keeper = keepTrap(world, { ...NOTHING, arm, chains: () => [], keepsFlies: true })
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
    using keeper = keepTrap(world, { ...NOTHING, arm() {}, chains: () => [], keepsFlies: true })
    keeper.watch()
    return { said }
  })()
  assert.deepEqual(said, ['changes by others are seen once a minute only: Error: no netlink'])
})

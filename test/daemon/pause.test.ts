/** A pause outlives the daemon, also where the disk of the history hangs when the next one begins. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { disarmTrap } from '../../src/daemon/arming.ts'
import type { Seconds } from '../../src/terms/duration.ts'
import { fakeWorld } from '../support/fake-world.ts'

const [PAUSE, NONE] = [600 as Seconds, 0 as Seconds]
let hosts = 0

/** A trap was paused, and its daemon has gone. */
function paused({ isDisarmed }: { isDisarmed: boolean }) {
  const fake = fakeWorld()
  {
    using trap = fake.open()
    trap.pause(PAUSE, 'tester')
  }
  if (isDisarmed) disarmTrap(fake.world.firewall, fake.history, fake.now())
  const { answers, getMeta, retry } = fake.history
  return {
    fake,
    until: fake.now() + 1000 * PAUSE,
    /** Whether an offender sticks now. */
    sticks() {
      const source = `198.51.100.${++hosts}`
      fake.sockets.deliver([{ source, destination: '192.0.2.1', tcp: 81 }])
      return source in fake.inKernel()
    },
    hang: () =>
      Object.assign(fake.history, { answers: () => false, getMeta: () => undefined, retry: () => true }),
    goOn: () => Object.assign(fake.history, { answers, getMeta, retry }),
    isTold: () => fake.said.some(line => /^warning: the history hangs, so it is not known/.test(line)),
  }
}

test('where the history answers, the next daemon is paused from the first moment on', () => {
  for (const isDisarmed of [false, true]) {
    const { fake, until, sticks, isTold } = paused({ isDisarmed })
    using trap = fake.open()
    assert.deepEqual([trap.pausedUntil, sticks(), isTold()], [until, false, false])
    trap.pause(NONE, 'tester')
    assert.ok(sticks())
  }
})

test('where it hangs and the trap stayed armed, the kernel tells of the pause', () => {
  const { fake, until, sticks, hang, goOn, isTold } = paused({ isDisarmed: false })
  hang()
  using trap = fake.open()
  assert.deepEqual([trap.pausedUntil, sticks(), isTold()], [until, false, true])
  assert.equal(fake.firewall.elementsOf('flypaper_grace').size, 2)
  goOn()
  trap.refresh()
  assert.deepEqual([trap.pausedUntil, sticks()], [until, false])
  trap.pause(NONE, 'tester')
  assert.ok(sticks())
})

test('where it hangs after a stop, the trap is not paused, says so, and takes the pause up when the history answers', () => {
  const { fake, until, sticks, hang, goOn, isTold } = paused({ isDisarmed: true })
  hang()
  using trap = fake.open()
  trap.refresh()
  assert.deepEqual([trap.pausedUntil, sticks(), isTold()], [undefined, true, true])
  fake.pass(5000)
  goOn()
  trap.refresh()
  assert.deepEqual([trap.pausedUntil, sticks()], [until, false])
  assert.equal(fake.firewall.elementsOf('flypaper_grace').size, 2)
  const [, event] = fake.eventsOf('paused')
  assert.deepEqual([event?.seconds, event?.by], [PAUSE - 5, 'the history, which answers again'])
  fake.pass(1000 * PAUSE)
  assert.ok(sticks())
})

test('what somebody orders while it hangs counts, and no pause that is over is taken up', () => {
  const ordered = paused({ isDisarmed: true })
  ordered.hang()
  using trap = ordered.fake.open()
  trap.pause(60 as Seconds, 'another')
  ordered.goOn()
  trap.refresh()
  assert.deepEqual([trap.pausedUntil, ordered.sticks()], [ordered.fake.now() + 60_000, false])
  assert.deepEqual(
    ordered.fake.eventsOf('paused').map(({ by }) => by),
    ['tester', 'another'],
  )
  trap.pause(NONE, 'another')
  trap.refresh()
  assert.deepEqual([trap.pausedUntil, ordered.sticks()], [undefined, true])

  const over = paused({ isDisarmed: true })
  over.hang()
  using late = over.fake.open()
  over.fake.pass(1000 * PAUSE)
  over.goOn()
  late.refresh()
  assert.deepEqual(
    [late.pausedUntil, over.sticks(), over.fake.eventsOf('paused').length],
    [undefined, true, 1],
  )
})

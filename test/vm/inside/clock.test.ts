/** Somebody sets the clock, which a test may do here only: a fly has the same time left, in the set, in the list and after a start. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockoutsOf } from '../../support/daemon.ts'
import { send } from '../../support/sender.ts'
import { serve } from '../../support/server.ts'
import { askSet } from '../../support/set-elements.ts'
import { makeWorld } from '../../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.51.100.1'
const SETTINGS = 'lockout.first = "8h"\n'
const LEFT = 8 * 3600
/** Everything is slow here. */
const TOLERANCE = 600
const YEAR = 365 * 24 * 3600

test('the clock is set forward and back by years, under the daemon and between two: nobody is freed or kept longer', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, SETTINGS)

  const setClock = (by: number) => gate.must(['date', '-s', `@${Math.round(Date.now() / 1000) + by}`])
  const assertLeft = async (when: string) => {
    const { until } = await askSet(gate, { set: 'flypaper', elements: [FLY] })
    const [row] = JSON.parse(await flypaperd.must('list', '--json')) as { until: string }[]
    const found = { kernel: until[FLY], list: row && Date.parse(row.until) }
    for (const [who, end] of Object.entries(found)) {
      const left = Math.round(((end ?? 0) - Date.now()) / 1000)
      assert.ok(Math.abs(left - LEFT) < TOLERANCE, `${when}, ${who}: ${left} s left`)
    }
    const { answers } = await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 22 }]] })
    assert.equal(answers.length, 0, when)
  }

  let daemon = await flypaperd.start()
  await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 81 }]] })
  assert.deepEqual(await lockoutsOf(daemon, 1), [FLY])
  await assertLeft('at first')
  for (const [way, by] of [
    ['forward', YEAR],
    ['back', -2 * YEAR],
  ] as const) {
    await setClock(by)
    await daemon.says(new RegExp(`the clock was set ${way} by`))
    await assertLeft(`set ${way} under the daemon`)
    assert.equal((await daemon.stop('SIGUSR2')).code, 0)
    await setClock(by)
    daemon = await flypaperd.start()
    assert.match(daemon.output(), new RegExp(`the clock was set ${way} by`))
    await assertLeft(`set ${way} while no daemon ran`)
  }
  await flypaperd.must('free', FLY)
  const { answers } = await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 22 }]] })
  assert.equal(answers.length, 1, 'the control: freed, it is answered')
  assert.equal((await daemon.stop()).code, 0)
})

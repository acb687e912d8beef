/**
 * The clocks of the kernel, where they can be moved without moving those of this machine: in a time namespace CLOCK_BOOTTIME is
 * ahead (time_namespaces(7)), as it is after a suspension, and what the kernel counts in jiffies is not. The clock on the wall has not
 * moved with it, as if somebody had set it back meanwhile.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { install, lockoutsOf } from '../support/daemon.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { askSet } from '../support/set-elements.ts'
import { makeWorld } from '../support/world.ts'

const GATE = '192.0.2.1'
const FLY = '198.51.100.1'
const HOUR = 3600
const SETTINGS = 'capture = "log"\nlockout.first = "2h"\n'

test('the machine sleeps while no daemon runs: a fly has that much less, and is none when its time is over', async () => {
  await using world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.51.100.0/24')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, SETTINGS)
  const secondsLeft = async () => {
    const { until } = await askSet(gate, { set: 'flypaper', elements: [FLY] })
    return until[FLY] === undefined ? undefined : Math.round((until[FLY] - Date.now()) / 1000)
  }
  const answers = async () =>
    (await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 22 }]] })).answers.length

  const before = await flypaperd.start()
  await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 81 }]] })
  assert.deepEqual(await lockoutsOf(before, 1), [FLY])
  assert.equal((await before.stop('SIGUSR2')).code, 0)
  assertNear(await secondsLeft(), 2 * HOUR)

  const later = (seconds: number) => {
    const by = ['unshare', '--time', '--boottime', String(seconds), '--fork', '--kill-child']
    return install(gate, SETTINGS, { by, state: flypaperd.directory })
  }
  {
    using anHourLater = later(HOUR)
    const daemon = await anHourLater.start()
    assert.match(daemon.output(), /the clock was set back by 36\d\d s: nobody is freed or kept longer for it/)
    await daemon.says(/1 flies in the kernel were not as they should be, and are set right/)
    assertNear(await secondsLeft(), HOUR)
    assert.equal(await answers(), 0)
    process.kill(JSON.parse(await anHourLater.must('status', '--json')).daemon.pid, 'SIGUSR2')
    assert.equal((await daemon.ended).code, 0)
  }
  using twoHoursLater = later(2 * HOUR + 60)
  const daemon = await twoHoursLater.start()
  // The kernel's set has not counted the time: what is left there is no fly by hand.
  await daemon.says(/1 flies in the kernel were not as they should be, and are set right/)
  assert.equal(await secondsLeft(), undefined)
  assert.equal(await twoHoursLater.must('list', '--json'), '[]\n')
  process.kill(JSON.parse(await twoHoursLater.must('status', '--json')).daemon.pid, 'SIGTERM')
  assert.equal((await daemon.ended).code, 0)
  assert.equal(await answers(), 1, 'the control: nobody sticks any more')
})

function assertNear(found: number | undefined, expected: number): void {
  assert.ok(found !== undefined && Math.abs(found - expected) < 120, `${found} s left, expected ${expected}`)
}

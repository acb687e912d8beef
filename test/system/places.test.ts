/** Whose variables count: those that a service manager has set for this very process, and no others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placesOf } from '../../src/system/places.ts'
import { openSupervisor } from '../../src/system/systemd.ts'
import { unitOf } from '../../src/system/unit.ts'

const PID = 4711
const OWN = { SYSTEMD_EXEC_PID: String(PID) }
const ANOTHER = { SYSTEMD_EXEC_PID: '815' }
const DIRECTORIES = { STATE_DIRECTORY: '/var/lib/trap:/var/lib/more', RUNTIME_DIRECTORY: '/run/trap' }
const FIXED = {
  socket: '/run/flypaperd/control.sock',
  metricsSocket: '/run/flypaperd/metrics.sock',
  state: '/var/lib/flypaperd',
}

test('the daemon of a unit lies where its unit says', () => {
  assert.deepEqual(placesOf({ isDaemon: true }, { ...DIRECTORIES, ...OWN }, PID), {
    socket: '/run/trap/control.sock',
    metricsSocket: '/run/trap/metrics.sock',
    state: '/var/lib/trap',
  })
  for (const nothing of [{}, { STATE_DIRECTORY: '', RUNTIME_DIRECTORY: '' }])
    assert.deepEqual(placesOf({ isDaemon: true }, { ...nothing, ...OWN }, PID), FIXED)
})

test('nobody else goes by these variables: neither a daemon that has inherited them, nor any verb', () => {
  for (const env of [DIRECTORIES, { ...DIRECTORIES, ...ANOTHER }])
    assert.deepEqual(placesOf({ isDaemon: true }, env, PID), FIXED)
  // A unit that reports, say, or ExecReload= of another unit.
  for (const env of [DIRECTORIES, { ...DIRECTORIES, ...ANOTHER }, { ...DIRECTORIES, ...OWN }])
    assert.deepEqual(placesOf({}, env, PID), FIXED)
})

test('an option counts before all of them', () => {
  const told = { socket: '/tmp/a/b.sock', state: '/tmp/c' }
  const found = { socket: '/tmp/a/b.sock', metricsSocket: '/tmp/a/metrics.sock', state: '/tmp/c' }
  for (const isDaemon of [true, false])
    assert.deepEqual(placesOf({ isDaemon, ...told }, { ...DIRECTORIES, ...OWN }, PID), found)
})

test('the notification socket of another service is not spoken to', () => {
  const interval = (env: object) =>
    openSupervisor({ NOTIFY_SOCKET: '/nonexistent/notify', ...env }, PID).interval
  assert.equal(interval(ANOTHER), undefined)
  assert.equal(interval({ ...ANOTHER, WATCHDOG_USEC: '4000000', WATCHDOG_PID: '815' }), undefined)
  assert.equal(interval(OWN), 15_000, 'the control: its own')
  assert.equal(interval({}), 15_000, 'a supervisor that names no process')
})

test('the unit is the one of the control group, for the process that the service manager started', () => {
  const unit = (text: string, env = OWN) => unitOf(env, PID, () => ({ text }))
  assert.equal(unit('0::/system.slice/flypaperd.service\n'), 'flypaperd.service')
  assert.equal(unit('0::/\n1:name=systemd:/system.slice/my-trap.service\n'), 'my-trap.service')
  assert.equal(unit('0::/\n'), 'flypaperd.service', 'groups of its own: the usual name')
  assert.equal(unit('0::/user.slice/user-0.slice/user@0.service/app.slice/trap.service\n'), undefined)
  assert.equal(unit('0::/system.slice/fail2ban.service\n', ANOTHER), undefined)
  assert.equal(
    unitOf({}, PID, () => ({ text: '0::/system.slice/ssh.service\n' })),
    undefined,
  )
})

/** What stands still, or pokes at it, beside the real unit. */
import assert from 'node:assert/strict'
import type { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dropIn, inSet, journal, OTHER_FLY, type Scanner, sh, unit, until } from './gate.ts'

export function standingTests(natively: typeof test, scanner: Scanner, watchdogSeconds: number): void {
  natively(
    'journald stands still: offenders stick, the watchdog has its signs, no line is lost',
    async () => {
      await dropIn(`WatchdogSec=${watchdogSeconds}`)
      await sh('systemctl restart flypaperd')
      const { MainPID: pid } = await unit('MainPID')
      await sh('systemctl kill --signal=STOP systemd-journald')
      try {
        // More lines than a socket of the kernel holds.
        await sh(
          'i=0; while [ $i -lt 50 ]; do flypaperd lock 203.0.113.$i --for 1h >/dev/null; i=$((i + 1)); done',
        )
        await sleep(watchdogSeconds * 2000)
        assert.equal(await scanner.connect(OTHER_FLY, 81), 'silent')
        await until('the offender is in the set', () => inSet(OTHER_FLY))
      } finally {
        await sh('systemctl kill --signal=CONT systemd-journald')
      }
      await until('the journal has the lockout', async () =>
        (await journal()).includes(`lockout ${OTHER_FLY}, who tried TCP-port 81`),
      )
      const lines = (await journal()).match(/^lockout 203\.0\.113\.\d+, by hand, for 1h /gm)
      assert.equal(lines?.length, 50)
      assert.equal(
        (await unit('MainPID')).MainPID,
        pid,
        'the same daemon, after twice the time of the watchdog',
      )
      await sh(`flypaperd free ${OTHER_FLY} 203.0.113.0/24`)
      await dropIn('')
    },
  )

  natively('SIGUSR1 opens no port to a debugger', async () => {
    const { MainPID: pid } = await unit('MainPID')
    const listening = () => sh('ss -Hltnp')
    const before = await listening()
    await sh(`kill -USR1 ${pid}; sleep 1`)
    assert.equal(await listening(), before)
    assert.equal((await unit('MainPID')).MainPID, pid)
    await sh(`systemd-run -q --unit=debuggable /usr/lib/flypaperd/node -e 'setInterval(() => {}, 1000)'; sleep 1
      systemctl kill --signal=USR1 debuggable`)
    await until('the control: any other program of Node opens it', async () =>
      (await listening()).includes('127.0.0.1:9229'),
    )
    await sh('systemctl stop debuggable')
  })
}

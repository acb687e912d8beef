/** The unit and a daemon in a terminal, in every order in which a person comes to have both. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import type { test } from 'node:test'
import { type Running, run, start } from '../../support/process.ts'
import { below, code, FLY, inSet, journal, type Scanner, sh, through, unit } from './gate.ts'

/** A pipe is no terminal, and the log of such a daemon would go to the journal, by syslog. */
async function inTerminal(...args: string[]): Promise<Running> {
  const running = await start(['flypaperd', ...args, '--log', 'stderr'])
  await running.says(/trap armed/)
  return running
}

async function status(...options: string[]): Promise<{ pid: number; unit?: string }> {
  return JSON.parse(await sh(`flypaperd status --json ${options.join(' ')}`)).daemon
}

/** The unit has the trap, and did not need two attempts. */
async function assertUnitHasIt(): Promise<void> {
  const { pid, unit: name } = await status()
  assert.equal(name, 'flypaperd.service')
  assert.deepEqual(await unit('ActiveState', 'MainPID', 'NRestarts'), {
    ActiveState: 'active',
    MainPID: String(pid),
    NRestarts: '0',
  })
}

/** Registers the tests; they begin and end with a unit that runs. */
export function terminalTests(natively: typeof test, scanner: Scanner): void {
  for (const verb of ['start --dry-run', 'start', 'try 300'])
    natively(`${verb} in a terminal, then systemctl start: the unit takes over`, async () => {
      await sh('systemctl stop flypaperd')
      const terminal = await inTerminal(...verb.split(' '))
      await sh('systemctl start flypaperd')
      assert.equal((await terminal.ended).code, 0)
      await assertUnitHasIt()
      assert.ok(await inSet(FLY))
      assert.equal(await scanner.connect(FLY, 22), 'silent')
    })

  natively('confirm hands over to the unit under a scan, and the trap is armed all the time', async () => {
    await sh('systemctl stop flypaperd')
    const terminal = await inTerminal('try', '300')
    const scan = await scanner.scan(FLY, [22, 81, 443])
    const from = await through()
    const said = await sh('flypaperd confirm')
    assert.match(
      said,
      /^The trap stays armed\. flypaperd\.service has taken over\.\nAt boot it is not started yet: /,
    )
    assert.equal((await terminal.ended).code, 0)
    await assertUnitHasIt()
    assert.equal(await through(), from)
    await scan.stop('SIGKILL')
  })

  natively('a trial of other settings than those of the unit stays where it is', async () => {
    await sh('systemctl stop flypaperd')
    writeFileSync('/root/tried.toml', 'boot_grace = "0s"\n')
    const terminal = await inTerminal('try', '300', '--settings', '/root/tried.toml')
    assert.match(
      await sh('flypaperd confirm'),
      /^The trap stays armed\. It was tried with \/root\/tried\.toml, /,
    )
    assert.equal((await status()).unit, undefined)
    await sh('flypaperd stop')
    assert.equal((await terminal.ended).code, 0)
    await sh('systemctl start flypaperd')
  })

  natively('restart in a terminal restarts the unit, and start names the command', async () => {
    const before = await status()
    assert.equal(
      await sh('flypaperd restart'),
      'flypaperd runs as flypaperd.service: systemctl restart flypaperd.service\n',
    )
    assert.notEqual((await status()).pid, before.pid)
    await assertUnitHasIt()
    const { code, stderr } = await run(['flypaperd', 'start'])
    assert.equal(code, 69)
    assert.match(stderr, /, as flypaperd\.service\n.*systemctl restart flypaperd\.service/)
    await assertUnitHasIt()
  })

  natively(
    'a daemon that the unit cannot relieve: one attempt, one sentence, and nothing of it is touched',
    async () => {
      await sh('systemctl stop flypaperd')
      assert.ok(existsSync('/run/flypaperd'), 'the directory is kept')
      const elsewhere = ['--socket', '/run/elsewhere/control.sock', '--state', '/var/lib/elsewhere']
      const terminal = await inTerminal('start', ...elsewhere)
      const armed = await sh('nft -st list ruleset')
      const { pid } = await status(...elsewhere)
      assert.notEqual(await code('systemctl start flypaperd'), 0)
      await new Promise(resolve => setTimeout(resolve, 2500))
      assert.deepEqual(await unit('ActiveState', 'ExecMainStatus', 'NRestarts'), {
        ActiveState: 'failed',
        ExecMainStatus: '73',
        NRestarts: '0',
      })
      assert.match(await journal(), /are taken by another program\n.*sudo flypaperd stop/)
      assert.equal(await sh('nft -st list ruleset'), armed)
      assert.equal((await status(...elsewhere)).pid, pid)
      // It is found by the kernel, not by its socket.
      assert.match(await sh('flypaperd stop 2>&1'), new RegExp(`A flypaperd \\(pid ${pid}\\) has `))
      assert.equal((await terminal.ended).code, 0)
      assert.equal(await code('nft list chain inet filter flypaper_early'), 1)
      await sh('rm -r /run/elsewhere /var/lib/elsewhere; systemctl start flypaperd')
      await assertUnitHasIt()
    },
  )

  natively(
    'below another service: every verb finds the daemon, and a start does not speak for that service',
    async () => {
      const first = await below(
        'oneshot',
        'echo "$RUNTIME_DIRECTORY $STATE_DIRECTORY"; flypaperd status; flypaperd list',
      )
      assert.match(first.said, /^\/run\/other \/var\/lib\/other\n/, 'the control')
      assert.match(first.said, /process: +OK/)
      assert.ok(first.said.includes(FLY))
      assert.equal(first.code, 0)
      await sh('systemctl stop flypaperd')
      // Were it told READY, the service would be up for good.
      const second = await below(
        'notify',
        'flypaperd start & until flypaperd status; do sleep 1; done; flypaperd stop; wait',
      )
      assert.match(second.said, /process: +OK/)
      assert.notEqual(second.code, 0)
      assert.match(await sh('systemctl show -p Result other'), /^Result=protocol$/m)
      assert.ok(!existsSync('/run/other/control.sock'))
      await sh('rm -r /var/lib/other /run/systemd/system/other.service; systemctl daemon-reload')
      await sh('systemctl start flypaperd')
    },
  )
}

/** From the package to the first flies: install, start, sandbox, reload, restart, kill, a stuck loop, upgrade. */
import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { IN_VM } from '../../support/daemon.ts'
import { start } from '../../support/process.ts'
import {
  code,
  dropIn,
  FLY,
  inSet,
  journal,
  makeScanner,
  OTHER_FLY,
  serve,
  sh,
  through,
  unit,
  until,
  watch,
} from './gate.ts'
import { roleTests } from './roles.ts'
import { standingTests } from './standing.ts'
import { terminalTests } from './terminal.ts'

/** What does not depend on the kernel is tested where it is quick: in the container. */
const natively = IN_VM ? () => {} : test

const SETTINGS = '/etc/flypaperd/flypaperd.toml'
const WATCHDOG_SECONDS = 4

const scanner = await makeScanner()
after(() => scanner[Symbol.asyncDispose]())
await serve(22)
await watch()

async function mainPid(): Promise<string> {
  return (await unit('MainPID')).MainPID!
}

/** Something happens while FLY scans: there is a new daemon, the trap was armed all the time, the fly is still in the set. */
async function underScan(happens: () => Promise<unknown>): Promise<void> {
  const before = await mainPid()
  await using scan = await stopped(scanner.scan(FLY, [22, 81, 443]))
  const from = await through()
  await happens()
  await until('another daemon that is ready', async () => {
    const { MainPID, ActiveState } = await unit('MainPID', 'ActiveState')
    return MainPID !== before && MainPID !== '0' && ActiveState === 'active'
  })
  await sleep(500)
  assert.equal(await through(), from, 'packets of the fly that got through')
  assert.ok(await inSet(FLY))
  assert.match(scan.output(), /^$/)
}

async function stopped(scan: ReturnType<typeof scanner.scan>) {
  const running = await scan
  return { output: running.output, [Symbol.asyncDispose]: async () => void (await running.stop('SIGKILL')) }
}

test('the package installs: neither started nor enabled, with a user of its own', async () => {
  await sh('dpkg -i /root/flypaperd.deb')
  assert.deepEqual(await unit('ActiveState', 'UnitFileState'), {
    ActiveState: 'inactive',
    UnitFileState: 'disabled',
  })
  assert.match(await sh('getent passwd flypaperd'), /:\/usr\/sbin\/nologin$/m)
  const members = async (group: string) =>
    /:([^:]*)$/m
      .exec(await sh(`getent group ${group}`))![1]!
      .trim()
      .split(',')
      .sort()
  assert.deepEqual(
    await Promise.all(['share', 'names', 'watch', 'operate'].map(role => members(`flypaperd-${role}`))),
    [[''], ['flypaperd-outside'], ['flypaperd-outside', 'flypaperd-web'], ['flypaperd-web']],
  )
  assert.equal((await sh('systemctl show -P UnitFileState flypaperd-outside')).trim(), 'disabled')
  assert.equal((await sh('systemctl show -P ActiveState flypaperd-outside')).trim(), 'inactive')
})

natively('systemd finds nothing wrong with the unit, and little exposed', async () => {
  assert.equal(await sh('systemd-analyze verify --man=no flypaperd.service 2>&1'), '')
  const [, exposure] = /exposure level for flypaperd.service: ([\d.]+)/.exec(
    await sh('systemd-analyze security flypaperd.service'),
  )!
  assert.ok(Number(exposure) <= 1.5, exposure)
})

natively('the same of the unit of notifications', async () => {
  assert.equal(await sh('systemd-analyze verify --man=no flypaperd-outside.service 2>&1'), '')
  const [, exposure] = /exposure level for flypaperd-outside.service: ([\d.]+)/.exec(
    await sh('systemd-analyze security flypaperd-outside.service'),
  )!
  assert.ok(Number(exposure) <= 3, exposure)
})

natively('notifications that nobody wants: the unit ends well, and is not started again', async () => {
  await sh('systemctl start flypaperd-outside')
  await sleep(2000)
  const [state, result, restarts] = await Promise.all(
    ['ActiveState', 'Result', 'NRestarts'].map(name => sh(`systemctl show -P ${name} flypaperd-outside`)),
  )
  assert.deepEqual(
    [state, result, restarts].map(text => text!.trim()),
    ['inactive', 'success', '0'],
  )
})

natively('without the capability it does not say READY', async () => {
  await dropIn('AmbientCapabilities=\nCapabilityBoundingSet=\nRestart=no')
  assert.notEqual(await code('systemctl start flypaperd'), 0)
  assert.deepEqual(await unit('Result', 'ExecMainStatus'), { Result: 'exit-code', ExecMainStatus: '77' })
  await dropIn('')
})

natively('wrong settings: 78, and it is not tried again', async () => {
  writeFileSync(SETTINGS, 'holt = "20s"\n')
  assert.notEqual(await code('systemctl start flypaperd'), 0)
  await sleep(2000)
  assert.deepEqual(await unit('ExecMainStatus', 'NRestarts', 'ActiveState'), {
    ExecMainStatus: '78',
    NRestarts: '0',
    ActiveState: 'failed',
  })
  assert.match(await journal(), /flypaperd\.toml:1:1/)
})

test('systemctl start: a scanner sticks, which nft and the journal show', async () => {
  writeFileSync(SETTINGS, 'boot_grace = "0s"\n')
  // Before the start: who is answered by an armed gate is a known client, and one closed port is not enough.
  assert.equal(await scanner.connect(FLY, 22), 'open', 'the control')
  assert.ok((await through()) > 0, 'the watch sees what gets through')
  await sh('systemctl reset-failed flypaperd; systemctl start flypaperd')
  assert.equal(await scanner.connect(FLY, 81), 'silent')
  assert.equal(await scanner.connect(FLY, 22), 'silent')
  await until('the fly is in the set', () => inSet(FLY))
  const lines = (await sh('journalctl -b -q -u flypaperd -o json')).trim().split('\n')
  const lockout = lines.map(line => JSON.parse(line)).find(({ MESSAGE }) => MESSAGE.startsWith('lockout'))
  assert.equal(lockout.MESSAGE, `lockout ${FLY}, who tried TCP-port 81, for 10m`)
  assert.equal(lockout.SYSLOG_FACILITY, String(10), 'authpriv')
  assert.equal(lockout.SYSLOG_IDENTIFIER, 'flypaperd')
  const fields = ['SOURCE', 'PROTO', 'PORT', 'REASON'].map(name => lockout[`FLYPAPERD_${name}`])
  assert.deepEqual(fields, [FLY, 'tcp', '81', 'closed-port'])
  const found = await sh(`journalctl -b -q -o cat FLYPAPERD_SOURCE=${FLY} FLYPAPERD_EVENT=lockout`)
  assert.equal(found, `${lockout.MESSAGE}\n`)
  assert.equal(await sh('journalctl -b -q -o cat FLYPAPERD_SOURCE=192.0.2.250'), '', 'the control')
  const status = await sh('flypaperd status')
  assert.match(status, IN_VM ? /OK \(queues 4242 to 4246\)/ : /OK \(NFLOG groups 4242 to 4246\)/)
  assert.match((await unit('StatusText')).StatusText!, /^armed, \d fl/)
})

natively('root and the group may speak to it, nobody else', async () => {
  const as = (group: string, verb = 'confirm') =>
    code(`setpriv --reuid=nobody --regid=${group} --clear-groups flypaperd ${verb} 2>/dev/null`)
  assert.equal(await as('flypaperd'), 0)
  assert.equal(await as('nogroup'), 77)
  // The unit may not give files away, and its user is in none of these groups.
  const OTHER = '198.51.100.250'
  assert.deepEqual(
    await Promise.all(['status', `free ${OTHER}`, 'confirm'].map(verb => as('flypaperd-watch', verb))),
    [0, 77, 77],
  )
  assert.deepEqual(
    await Promise.all(['status', `free ${OTHER}`, 'confirm'].map(verb => as('flypaperd-operate', verb))),
    [0, 0, 77],
  )
})

natively(
  'the user of the unit: writes in its directories, opens no internet socket, starts no program',
  async () => {
    const probe = '/usr/local/lib/probe.mjs'
    await sh(`cp test/vm/systemd/probe.mjs ${probe}`)
    const control = foundBy(await sh(`/usr/lib/flypaperd/node ${probe}`))
    assert.ok(control.writable.length > 100)
    assert.deepEqual(
      { ...control, writable: [] },
      { writable: [], shell: true, shellByLoader: true, copy: true, reached: true },
    )

    await dropIn(`ExecStartPre=/usr/lib/flypaperd/node ${probe}`)
    await sh('systemctl restart flypaperd')
    assert.deepEqual(foundBy(await journal()), {
      writable: ['/run/flypaperd', '/tmp', '/var/lib/flypaperd', '/var/tmp'],
      shell: false,
      shellByLoader: false,
      copy: false,
      reached: false,
    })
    await dropIn('')
  },
)

function foundBy(text: string): { writable: string[] } & Record<string, boolean> {
  return JSON.parse(/^probe (.*)$/m.exec(text)![1]!)
}

roleTests()

test('reload: new settings in the same daemon, or refused; the trap stays', async () => {
  const before = await unit('MainPID', 'ActiveState')
  const from = await through()
  writeFileSync(SETTINGS, 'boot_grace = "0s"\nhold = "19s"\n')
  await sh('systemctl reload flypaperd')
  assert.match(await sh('nft list set inet filter flypaper_hold'), /timeout 19s/)
  writeFileSync(SETTINGS, 'holt = "20s"\n')
  assert.notEqual(await code('systemctl reload flypaperd'), 0)
  writeFileSync(SETTINGS, 'boot_grace = "0s"\n')
  await sh('systemctl reload flypaperd')
  assert.deepEqual(await unit('MainPID', 'ActiveState'), before)
  assert.equal(await scanner.connect(FLY, 22), 'silent')
  assert.equal(await through(), from)
})

natively('drop-ins: the user of the unit reads them, and says which he may not', async () => {
  const folder = '/etc/flypaperd/flypaperd.d'
  writeFileSync(`${folder}/10-hold.toml`, 'hold = "18s"\n')
  await sh('systemctl reload flypaperd')
  assert.match(await sh('nft list set inet filter flypaper_hold'), /timeout 18s/)
  assert.match(
    await sh('flypaperd status'),
    new RegExp(`^settings: ${SETTINGS}, ${folder}/10-hold.toml$`, 'm'),
  )
  writeFileSync(`${folder}/20-secret.toml`, 'hold = "17s"\n', { mode: 0o600 })
  assert.notEqual(await code('systemctl reload flypaperd'), 0)
  assert.match(await journal(), /20-secret\.toml: cannot be read: permission denied/)
  await sh(`rm ${folder}/*; systemctl reload flypaperd`)
  assert.match(await sh('nft list set inet filter flypaper_hold'), /timeout 20s/)
})

test('restart under a scan: the trap is armed all the time', () =>
  underScan(() => sh('systemctl restart flypaperd')))

test('kill -9 under a scan: it comes back by itself, the trap is armed all the time', () =>
  underScan(async () => process.kill(Number(await mainPid()), 'SIGKILL')))

natively('a stuck event loop: the watchdog ends the daemon, another one comes', async () => {
  await dropIn(`WatchdogSec=${WATCHDOG_SECONDS}`)
  await underScan(() => sh('systemctl restart flypaperd'))
  const pid = await mainPid()
  await sleep(WATCHDOG_SECONDS * 2000)
  assert.equal(await mainPid(), pid, 'the control: a daemon that is well outlives the watchdog twice')
  const timeout = new RegExp(`Watchdog timeout \\(limit ${WATCHDOG_SECONDS}s\\)`)
  await underScan(async () => {
    // The main thread waits a minute each time before it looks for events; all else in the process goes on.
    const delay = 'inject=epoll_wait,epoll_pwait:delay_enter=60000000'
    const strace = await start(['strace', '-qq', '-o', '/dev/null', '-e', delay, '-p', pid])
    await until('the watchdog', async () => timeout.test(await journal()), WATCHDOG_SECONDS + 30)
    await strace.stop('SIGKILL')
  })
  await dropIn('')
})

/** 64 connections that send requests without end, and as many again when they are ended. */
const READERS = `
const many = 'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n'.repeat(1500)
const reach = () => {
  const socket = require('node:net').connect('/run/flypaperd/metrics.sock')
  const more = () => { while (!socket.destroyed && socket.write(many)); }
  socket.on('connect', more).on('drain', more).on('data', () => {}).on('error', () => {})
  socket.on('close', () => setTimeout(reach, 10))
}
for (let i = 0; i < 64; i++) reach()
console.log('begun')`

natively(
  'user nobody reads the counters without end: the watchdog has its signs, offenders stick',
  async () => {
    await dropIn(`WatchdogSec=${WATCHDOG_SECONDS}`)
    await sh('systemctl restart flypaperd')
    const pid = await mainPid()
    const nobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
    const readers = await start([...nobody, '/usr/lib/flypaperd/node', '-e', READERS])
    await readers.says(/^begun$/)
    await sleep(WATCHDOG_SECONDS * 2000)
    assert.equal(await scanner.connect(OTHER_FLY, 81), 'silent')
    await until('the offender is in the set', () => inSet(OTHER_FLY))
    assert.equal(await mainPid(), pid, 'the same daemon, after twice the time of the watchdog')
    assert.equal(readers.output(), 'begun\n')
    await readers.stop('SIGKILL')
    assert.match(await sh('flypaperd status'), /process: +OK/)
    await sh(`flypaperd free ${OTHER_FLY}`)
    await dropIn('')
  },
)

standingTests(natively as typeof test, scanner, WATCHDOG_SECONDS)

terminalTests(natively as typeof test, scanner)

natively('upgrade under a scan: the new version takes over, the trap is armed all the time', async () => {
  await underScan(() => sh('dpkg -i /root/flypaperd-next.deb'))
  assert.equal(await sh('flypaperd version'), 'flypaperd 0.1.0\n', 'the same program in a newer package')
  assert.match(await sh('dpkg-query -W flypaperd'), /\+next$/m)
  assert.match(await sh(`cat ${SETTINGS}`), /boot_grace/, 'the settings were kept')
})

natively('root works on the files of the daemon, which stay the files of the daemon', async () => {
  await scanner.connect(OTHER_FLY, 81)
  await until('the other fly is in the set', () => inSet(OTHER_FLY))
  await sh('systemctl stop flypaperd')
  assert.equal(await code('nft list chain inet filter flypaper_early'), 1, 'stop disarms')
  await sh(`flypaperd free ${OTHER_FLY}`)
  await sh('systemctl start flypaperd')
  assert.ok(!(await inSet(OTHER_FLY)))
  assert.ok(await inSet(FLY))
  const { uid } = statSync('/var/lib/flypaperd')
  for (const file of (await sh('find /var/lib/flypaperd -type f')).trim().split('\n'))
    assert.deepEqual([file, statSync(file).uid], [file, uid])
  assert.notEqual(uid, 0)
})

test('before the reboot: the documented nftables.conf, and a start at boot', async () => {
  await sh('mkdir -p /etc/nftables.d && flypaperd generate --boot > /etc/nftables.d/flypaper.nft')
  writeFileSync('/etc/nftables.conf', await documented())
  await sh('nft --check -f /etc/nftables.conf; systemctl enable nftables flypaperd')
  writeFileSync(SETTINGS, 'boot_grace = "1h"\n')
})

async function documented(): Promise<string> {
  return /```nft\n([\s\S]*?)```/.exec(await sh('cat docs/nftables-conf.md'))![1]!
}

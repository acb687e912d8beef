/**
 * Debian's fail2ban, as its own unit, whose directories stand in the environment of its actions: what it bans becomes a fly, and what it
 * unbans is free. The action is that of docs/migration.md.
 */
import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { below, CLIENT, code, FLY, inSet, makeScanner, OTHER_FLY, serve, sh, until } from './gate.ts'

const ETC = '/etc/fail2ban'
const LOG = '/var/log/fail2ban.log'
const DOOR_LOG = '/var/log/door.log'
const TENANT = '203.0.113.7'
const TENANT6 = '2001:db8:7::9'
const FRIEND = '203.0.113.99'
/** The second jail bans for ever, and somebody else in it as well. */
const JAILS = `[DEFAULT]
banaction = flypaperd
action = %(action_)s
         seen
backend = polling
filter =
failregex = refused <HOST>$
logpath = ${DOOR_LOG}
maxretry = 1
bantime = 600

[sshd]
enabled = false

[door]
enabled = true

[forever]
enabled = true
bantime = -1
failregex = never again <HOST>$
`
/** What an action is told by its environment. It comes after the other action of its jail. */
const SEEN = `[Definition]
actionban = env > /run/seen-<name>-<ip>
`

interface Fly {
  readonly until: string
}

const scanner = await makeScanner()
after(() => scanner[Symbol.asyncDispose]())
await serve(22)

/** What the documented command line tells of somebody, as a fly. */
async function fly(who: string): Promise<Fly | undefined> {
  const [found] = JSON.parse(await sh(`flypaperd list ${who} --json`)) as Fly[]
  return found
}

const log = () => readFileSync(LOG, 'utf8')
const client = (...args: string[]) => sh(`fail2ban-client ${args.join(' ')}`)
const ban = (jail: string, who: string) => client('set', jail, 'banip', who)
const unban = (jail: string, who: string) => client('set', jail, 'unbanip', who)
const answers = () => code('fail2ban-client ping').then(status => status === 0)
/** That jail has called all its actions for him. */
const acted = (jail: string, who: string) =>
  until(`${jail} bans ${who}\n${log()}`, async () => (await code(`rm /run/seen-${jail}-${who}`)) === 0)

function assertNoErrors(): void {
  assert.doesNotMatch(log(), / (?:ERROR|CRITICAL) /)
}

test('both units run, and the jails have the documented action', async () => {
  await sh('dpkg -i /root/flypaperd.deb')
  writeFileSync('/etc/flypaperd/flypaperd.toml', `boot_grace = "0s"\nnever = ["${FRIEND}"]\n`)
  await sh('systemctl start flypaperd')
  const [, action] = /```ini\n([\s\S]*?)```/.exec(await sh('cat docs/migration.md'))!
  writeFileSync(`${ETC}/action.d/flypaperd.local`, action!)
  writeFileSync(`${ETC}/action.d/seen.local`, SEEN)
  writeFileSync(`${ETC}/jail.local`, JAILS)
  writeFileSync(DOOR_LOG, '')
  // At boot it had Debian's own jail, for which no log is here.
  await sh(`systemctl stop fail2ban; systemctl reset-failed fail2ban; rm -f ${LOG}; systemctl start fail2ban`)
  await until('fail2ban answers', answers)
  assert.match(await client('status'), /Jail list:\s+door, forever$/m)
  assert.equal(await sh('systemctl show fail2ban -P FragmentPath'), '/lib/systemd/system/fail2ban.service\n')
})

test('banip makes a fly, with the time and the name of the jail; the action was told of directories', async () => {
  assert.equal(await fly(CLIENT), undefined, 'the control')
  assert.equal(await scanner.connect(CLIENT, 22), 'open', 'the control')
  const began = Date.now()
  await ban('door', CLIENT)
  await until('the fly is in the set', () => inSet(CLIENT))
  assert.equal(await scanner.connect(CLIENT, 22), 'silent')
  await until('the other action', async () => (await code(`test -s /run/seen-door-${CLIENT}`)) === 0)
  assert.match(await sh(`cat /run/seen-door-${CLIENT}`), /^RUNTIME_DIRECTORY=\/run\/fail2ban$/m)
  await acted('door', CLIENT)
  const { until: end } = (await fly(CLIENT))!
  assert.ok(Date.parse(end) >= began + 599_000 && Date.parse(end) <= Date.now() + 601_000, end)
  assert.match(await sh(`flypaperd why ${CLIENT}`), /fail2ban door/)
  assertNoErrors()
})

test('banned twice, by the same jail and by another: no error, and the later end counts', async () => {
  // It says so of a failure that came three seconds after the ban, or later; before, that is taken for a late line of the log.
  await until('the jail has it already', async () => {
    await ban('door', CLIENT)
    return /\[door\] 198\.18\.0\.9 already banned/.test(log())
  })
  await ban('forever', CLIENT)
  await acted('forever', CLIENT)
  assert.equal((await fly(CLIENT))?.until, 'forever')
  await ban('door', OTHER_FLY)
  await acted('door', OTHER_FLY)
  await ban('forever', OTHER_FLY)
  await acted('forever', OTHER_FLY)
  assert.equal((await fly(OTHER_FLY))?.until, 'forever')
  assertNoErrors()
})

test('unbanip frees; to unban who is gone, by another jail or by hand, is no error', async () => {
  await unban('forever', CLIENT)
  assert.equal(await fly(CLIENT), undefined)
  assert.equal(await scanner.connect(CLIENT, 22), 'open')
  await unban('door', CLIENT)
  await sh(`flypaperd free ${OTHER_FLY}`)
  await unban('door', OTHER_FLY)
  await unban('forever', OTHER_FLY)
  assert.equal(await fly(OTHER_FLY), undefined)
  assert.deepEqual(
    [...log().matchAll(/\[(\w+)\] Unban (\S+)/g)].map(([, ...what]) => what.join(' ')),
    [`forever ${CLIENT}`, `door ${CLIENT}`, `door ${OTHER_FLY}`, `forever ${OTHER_FLY}`],
  )
  assertNoErrors()
})

test('a line of a log bans, of either family, and a restart of fail2ban bans again', async () => {
  for (const what of [`never again ${FLY}`, `refused ${TENANT}`, `refused ${TENANT6}`])
    appendFileSync(DOOR_LOG, `${new Date().toISOString()} gate door: ${what}\n`)
  await acted('forever', FLY)
  await acted('door', TENANT)
  await acted('door', TENANT6)
  const flies = async () =>
    [await fly(FLY), await fly(TENANT), await fly(TENANT6)].map(one => one !== undefined)
  assert.deepEqual(await flies(), [true, true, true])
  assert.equal(await scanner.connect(FLY, 22), 'silent')
  await sh('systemctl stop fail2ban')
  assert.deepEqual(await flies(), [false, false, false], 'it unbans all when it stops')
  await sh('systemctl start fail2ban')
  await until('fail2ban answers', answers)
  await acted('forever', FLY)
  await acted('door', TENANT)
  await acted('door', TENANT6)
  assert.deepEqual(await flies(), [true, true, true])
  assert.equal((await fly(FLY))?.until, 'forever')
  await client('unban', '--all')
  assert.deepEqual(await flies(), [false, false, false])
  assertNoErrors()
})

test('the trap locks out below fail2ban what fail2ban has not: an unban frees him as well', async () => {
  assert.equal(await scanner.connect(FLY, 81), 'silent')
  await until('the offender is in the set', () => inSet(FLY))
  await ban('door', FLY)
  await acted('door', FLY)
  await unban('door', FLY)
  assert.equal(await fly(FLY), undefined)
  assertNoErrors()
})

test('below an agent that has a state directory, too, the verbs find the daemon and the flies', async () => {
  await sh(`flypaperd lock ${TENANT}`)
  const told = 'test -n "$STATE_DIRECTORY" -a -n "$RUNTIME_DIRECTORY"'
  for (const [verb, says] of [
    ['status', /process: +OK/],
    ['list', /203\.0\.113\.7/],
    [`free ${TENANT}`, /^Freed 203\.0\.113\.7\.$/],
  ] as const) {
    const { code: status, said } = await below('oneshot', `${told} && flypaperd ${verb}`)
    assert.equal(status, 0, verb)
    assert.match(said.trim(), says)
  }
  assert.equal(await fly(TENANT), undefined)
})

test('nothing of flypaperd is in the directories of others; whom "never" spares is an error, the control', async () => {
  assert.deepEqual(['/run/fail2ban', '/var/lib/fail2ban'].flatMap(folder => readdirSync(folder)).sort(), [
    'fail2ban.pid',
    'fail2ban.sock',
    'fail2ban.sqlite3',
  ])
  await ban('door', FRIEND)
  await acted('door', FRIEND)
  assert.equal(await fly(FRIEND), undefined)
  assert.match(log(), / ERROR .* -- exec: flypaperd lock 203\.0\.113\.99 /)
  assert.match(log(), / ERROR .* -- returned 1$/m)
})

/** Who may open which socket: users without any rights, each in one of the groups, on the sockets of a real daemon. */
import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointName,
  queryText,
} from '../../src/surface/control/endpoints.ts'
import { ROLES, type Role } from '../../src/surface/control/roles.ts'
import { install } from '../support/daemon.ts'
import { canBecome, NOBODY } from '../support/other-users.ts'
import { makeWorld } from '../support/world.ts'

const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'
const UID = 3001
const GROUPS = {
  'flypaperd-operate': 3002,
  'flypaperd-watch': 3003,
  'flypaperd-share': 3004,
  'flypaperd-names': 3005,
}
const GROUP_FILE = `root:x:0:\n${Object.entries(GROUPS)
  .map(([name, gid]) => `${name}:x:${gid}:\n`)
  .join('')}`

/** curl's exit status for a socket that it may not open, or that is not there. */
const CANNOT_CONNECT = 7

/** Of whom a user is a member, beside a group that nobody knows. */
const CALLERS: readonly (readonly [who: string, gid: number | undefined, own: string | undefined])[] = [
  ['nobody of ours', undefined, undefined],
  ...Object.values<Role>(ROLES).flatMap(({ group, socket }) =>
    group === undefined ? [] : [[group, GROUPS[group as keyof typeof GROUPS], socket] as const],
  ),
]

test('each group opens its own socket alone, and is told there what is not for it; the control does it all', {
  skip,
}, async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate, `names = ["${ENDPOINTS.names.example.name}"]\n`, {
    files: { '/etc/group': GROUP_FILE },
  })
  chmodSync(flypaperd.directory, 0o755)
  const daemon = await flypaperd.start()
  assert.doesNotMatch(daemon.output(), /for root alone/)

  async function ask(by: readonly string[], socket: string, endpoint: Endpoint) {
    const { method, path, query, example } = endpoint
    const isPosted = query === undefined && example !== undefined
    const data = isPosted ? ['-d', JSON.stringify(example)] : ['-X', method]
    const url = `http://localhost${path}${query === undefined ? '' : `?${queryText(example ?? {})}`}`
    // Events go on: that they have begun is enough.
    const code = [
      '-s',
      '-m',
      path === ENDPOINTS.events.path ? '0.3' : '10',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
    ]
    const curl = ['curl', ...code, '--unix-socket', join(flypaperd.directory, socket), ...data, url]
    const { code: exit, stdout } = await gate.run([...by, ...curl])
    return exit === CANNOT_CONNECT ? 'closed' : Number(stdout)
  }
  const as = (gid: number | undefined) => [
    ...['setpriv', '--reuid', `${UID}`, '--regid', `${UID}`],
    ...(gid === undefined ? ['--clear-groups'] : ['--groups', `${gid}`]),
    '--',
  ]

  for (const [who, gid, own] of CALLERS)
    await t.test(who, async () => {
      for (const { socket, may } of Object.values<Role>(ROLES))
        for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
          const allowed = may.includes(name as EndpointName) ? 200 : 403
          const wanted = socket === own ? allowed : 'closed'
          assert.equal(await ask(as(gid), socket, endpoint), wanted, `${who}: ${socket}: ${name}`)
        }
    })
  // It was refused, or the daemon would not be here: the flies that the operator has freed are all that has changed.
  const ends: EndpointName[] = ['leave', 'stop']
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS))
    if (!ends.includes(name as EndpointName)) assert.equal(await ask([], 'control.sock', endpoint), 200, name)
  assert.equal(await ask([], 'control.sock', ENDPOINTS.stop), 200)
  await daemon.ended
})

test('a member of a group runs its verbs without root; what is more is refused, with whom to be', {
  skip,
}, async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const files = { '/etc/group': GROUP_FILE }
  using flypaperd = install(gate, '', { files })
  chmodSync(flypaperd.directory, 0o755)
  const daemon = await flypaperd.start()
  await flypaperd.must('lock', '198.51.100.7', '--for', 'forever')
  await flypaperd.must('lock', '198.51.100.8')
  await flypaperd.must('free', '198.51.100.8')
  const as = (group: keyof typeof GROUPS) =>
    install(gate, '', {
      runtime: flypaperd.directory,
      state: flypaperd.directory,
      by: ['setpriv', '--reuid', `${UID}`, '--regid', `${UID}`, '--groups', `${GROUPS[group]}`, '--'],
    })
  using watcher = as('flypaperd-watch')
  using operator = as('flypaperd-operate')
  for (const { directory } of [watcher, operator]) chmodSync(directory, 0o755)

  assert.equal(JSON.parse(await watcher.must('status', '--json')).daemon.counts.byHand, 2)
  // Neither the database nor its directory may be read by it, as in an installed package.
  chmodSync(join(flypaperd.directory, 'history.db'), 0o600)
  for (const verb of [
    ['list', '--json'],
    ['list', '198.51.100.0/24', '--reason', 'by-hand', '--grade', 'by-hand', '--json'],
    ['list', '--sort', 'until', '--json'],
    ['list'],
    ['list', '--past', '--json'],
    ['list', '--ended', 'freed'],
    ['why', '198.51.100.7', '--json'],
    ['why', '198.51.100.8'],
  ])
    assert.equal(await watcher.must(...verb), await flypaperd.must(...verb), verb.join(' '))
  const { until: _, ...report } = JSON.parse(await watcher.must('report', '--since', '2026-01-01', '--json'))
  const { until: __, ...byRoot } = JSON.parse(
    await flypaperd.must('report', '--since', '2026-01-01', '--json'),
  )
  assert.deepEqual(report, byRoot)
  assert.match(await watcher.must('list'), /^198\.51\.100\.7 /m)
  assert.match(await watcher.must('list', '--past'), /^198\.51\.100\.8 .*freed, /m)
  const { code: dry, stderr: why } = await watcher.run('list', '--dry-run')
  assert.deepEqual([dry, /the running daemon is no dry run/.test(why)], [69, true], why)
  const { code, stderr } = await watcher.run('free', '198.51.100.7')
  assert.equal(code, 77)
  assert.match(
    stderr,
    /no permission to speak to the daemon .*control\.sock\n.*sudo flypaperd … Or be a member of the group flypaperd-operate\./,
  )
  assert.equal((await watcher.run('stop')).code, 77)
  assert.equal((await operator.run('stop')).code, 77)
  assert.match(await operator.must('free', '198.51.100.7'), /Freed 198\.51\.100\.7\./) // The control.
  await daemon.says(/free 198\.51\.100\.7 \(by uid 3001/)
})

/** Other users of this machine: whose directory root works in, and who may speak to the daemon. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { install } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { canBecome, NOBODY } from '../support/other-users.ts'
import { type Host, makeWorld } from '../support/world.ts'

const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'
const SECRET = 'only root knows this\n'

/** The command as somebody without any rights of root. */
function as(uid: number, gid: number, ...command: string[]): string[] {
  return ['setpriv', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups', '--', ...command]
}

/** Directories of nobody for the state and the sockets, and a file that only root may read. */
function houseOfNobody(t: TestContext) {
  const folder = (owner: number) => {
    const path = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
    t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }))
    chownSync(path, owner, owner)
    chmodSync(path, 0o755)
    return path
  }
  const state = folder(NOBODY)
  const target = join(folder(0), 'target')
  writeFileSync(target, SECRET, { mode: 0o600 })
  return { state, runtime: folder(NOBODY), target }
}

async function lone(world: Awaited<ReturnType<typeof makeWorld>>): Promise<Host> {
  return await world.host('gate')
}

test('root in the directory of somebody else: every file belongs to him, and is what it should be', {
  skip,
}, async t => {
  await using world = await makeWorld()
  const { state, runtime } = houseOfNobody(t)
  using flypaperd = install(await lone(world), '', { state, runtime })
  const owners = () =>
    [state, runtime].flatMap(folder =>
      readdirSync(folder).map(name => {
        const { uid, gid } = lstatSync(join(folder, name))
        return `${name} ${uid} ${gid}`
      }),
    )
  const of = (...names: string[]) => names.map(name => `${name} ${NOBODY} ${NOBODY}`)
  const daemon = await flypaperd.start('try', '60')
  await flypaperd.must('lock', '198.51.100.7')
  await written(join(state, 'boot.nft'), /198\.51\.100\.7 timeout/)
  assert.deepEqual(
    owners().sort(),
    of(
      ...['boot.nft', 'history.db', 'history.db-shm', 'history.db-wal'],
      ...['control.sock', 'operate.sock', 'watch.sock', 'share.sock', 'names.sock', 'metrics.sock'],
    ).sort(),
  )
  await flypaperd.must('stop')
  await daemon.ended
  await flypaperd.must('free', '198.51.100.7') // Without a daemon.
  const dry = await flypaperd.start('start', '--dry-run')
  await flypaperd.must('stop')
  await dry.ended
  assert.deepEqual(
    owners().filter(line => !line.endsWith(` ${NOBODY} ${NOBODY}`)),
    [],
  )
})

for (const name of ['boot.nft', '.boot.nft.new']) {
  test(`a link at ${name} of somebody else is replaced, and leads root nowhere`, { skip }, async t => {
    await using world = await makeWorld()
    const gate = await lone(world)
    const { state, runtime, target } = houseOfNobody(t)
    await gate.must(as(NOBODY, NOBODY, 'ln', '-s', target, join(state, name)))
    using flypaperd = install(gate, '', { state, runtime })
    await flypaperd.start()
    await written(join(state, 'boot.nft'), /^#!\/usr\/sbin\/nft/)
    assert.equal(readFileSync(target, 'utf8'), SECRET)
    assert.deepEqual(
      readdirSync(state).filter(one => lstatSync(join(state, one)).isSymbolicLink()),
      [],
    )
  })
}

for (const [name, verb] of [
  ['history.db', ['start']],
  ['history.db-wal', ['start']],
  ['history.db-shm', ['start']],
  ['dry-run.db', ['start', '--dry-run']],
] as const) {
  test(`a link at ${name} of somebody else: root refuses, and leaves alone and untold what it leads to`, {
    skip,
  }, async t => {
    await using world = await makeWorld()
    const gate = await lone(world)
    const { state, runtime, target } = houseOfNobody(t)
    await gate.must(as(NOBODY, NOBODY, 'ln', '-s', target, join(state, name)))
    using flypaperd = install(gate, '', { state, runtime })
    const reading = verb.length === 2 ? ['list', '--dry-run'] : ['list']
    for (const args of name.includes('-wal') || name.includes('-shm') ? [verb] : [verb, reading]) {
      const { code, stdout, stderr } = await flypaperd.run(...args)
      assert.equal(code, 69, `${args.join(' ')}: ${stdout}${stderr}`)
      assert.match(
        stderr,
        new RegExp(`^flypaperd: ${join(state, name)} is a link, and no file of its own\\.\\n`),
      )
      assert.doesNotMatch(stdout + stderr, /only root knows/)
    }
    assert.equal(readFileSync(target, 'utf8'), SECRET)
    rmSync(join(state, name)) // The control.
    await flypaperd.start(...verb)
  })
}

test('a state directory that others may exchange, or write to, is refused with a reason', {
  skip,
}, async t => {
  await using world = await makeWorld()
  const gate = await lone(world)
  const { state, runtime } = houseOfNobody(t)
  const start = async (state: string) => {
    using flypaperd = install(gate, '', { state, runtime })
    return await flypaperd.run('start')
  }
  const inside = join(state, 'root')
  await gate.must(['mkdir', inside])
  const laid = join(state, 'laid')
  const roots = mkdtempSync(join(tmpdir(), 'flypaperd-test-'))
  t.after(() => rmSync(roots, { recursive: true, force: true }))
  chmodSync(roots, 0o755)
  await gate.must(as(NOBODY, NOBODY, 'ln', '-s', roots, laid))
  const open = join(roots, 'open')
  await gate.must(['mkdir', '-m', '1777', open])
  for (const [directory, why] of [
    [inside, /belongs to root, but \S+ to nobody, who could put another in its place/],
    [laid, /belongs to root, but \S+ to nobody, who could put another in its place/],
    [open, /others than its owner may write/],
  ] as const) {
    const { code, stderr } = await start(directory)
    assert.deepEqual([code, why.test(stderr)], [69, true], stderr)
    assert.deepEqual(
      readdirSync(directory).filter(name => name !== 'open'),
      [],
    )
  }
  symlinkSync(state, join(roots, 'by-root'))
  using flypaperd = install(gate, '', {
    state: join(roots, 'by-root'),
    runtime,
  })
  await flypaperd.start() // The control: a link that root laid is his own business.
})

test('who did it is whom the kernel names, and a claim stands beside it', { skip }, async t => {
  await using world = await makeWorld()
  const gate = await lone(world)
  const { state, runtime } = houseOfNobody(t)
  using flypaperd = install(gate, '', { state, runtime, env: { SUDO_USER: 'anna' } })
  const daemon = await flypaperd.start()
  const socket = join(runtime, 'control.sock')
  const ask = async (uid: number, gid: number, path: string, body?: object) => {
    const data = body === undefined ? ['-X', 'POST'] : ['-d', JSON.stringify(body)]
    const curl = ['curl', '-sS', '--unix-socket', socket, ...data, `http://localhost/v1/${path}`]
    return await gate.run(as(uid, gid, ...curl))
  }
  const lock = (n: number, by?: string) => ({ lockouts: [{ who: `198.51.100.${n}` }], ...(by && { by }) })
  await ask(0, 0, 'lock', lock(1))
  await ask(0, 0, 'lock', lock(2, 'anna'))
  await ask(NOBODY, NOBODY, 'lock', lock(3, 'root'))
  await ask(NOBODY, NOBODY, 'lock', lock(4, 'nobody'))
  await ask(1234, NOBODY, 'lock', lock(5)) // By his group.
  await ask(1234, NOBODY, 'lock', lock(6, 'root (root)\u202e\x1b[2J'))
  await flypaperd.must('lock', '198.51.100.7')
  assert.notEqual((await ask(1234, 1234, 'lock', lock(8, 'root'))).code, 0, 'neither owner nor group')
  const flies = JSON.parse(await flypaperd.must('list', '--json')) as { source: string; by: string }[]
  assert.deepEqual(Object.fromEntries(flies.map(({ source, by }) => [source.slice(11), by])), {
    1: 'root',
    2: 'anna (root)',
    3: 'nobody, who says root',
    4: 'nobody',
    5: 'uid 1234',
    6: 'uid 1234, who says root (root)\u202e\x1b[2J',
    7: 'anna (root)',
  })
  await daemon.says(/lockout 198\.51\.100\.6, .* \(by uid 1234, who says root \(root\)\\u\{202e\}\\x1b\[2J\)/)
  await ask(NOBODY, NOBODY, 'free', { who: ['198.51.100.1'], by: 'root' })
  await daemon.says(/free 198\.51\.100\.1 \(by nobody, who says root\)/)
  await ask(NOBODY, NOBODY, 'reload', { by: 'root' })
  await daemon.says(/new settings are in force \(nobody, who says root\)/)
  await ask(NOBODY, NOBODY, 'flush')
  await daemon.says(/flush 6 flies \(by nobody\)/)
  await ask(1234, NOBODY, 'stop', { by: 'anna' })
  await daemon.says(/told to stop by uid 1234, who says anna/)
  await daemon.ended

  const trial = await flypaperd.start('try', '60')
  await ask(NOBODY, NOBODY, 'confirm')
  await ask(0, 0, 'lock', lock(9))
  await trial.says(/the trial is confirmed \(by nobody\)/)
  await ask(NOBODY, NOBODY, 'leave', { by: 'root' })
  await trial.says(/told to leave by nobody, who says root/)
  await trial.ended
  // Without a daemon, SUDO_USER is no more than a claim, either.
  await flypaperd.must('free', '198.51.100.9')
  const [{ lockouts }] = JSON.parse(await flypaperd.must('why', '198.51.100.9', '--json'))
  assert.equal(lockouts[0].released.by, 'anna (root)')
})

/** Waits until the file reads like this; the daemon writes it a little later than it answers. */
async function written(file: string, like: RegExp): Promise<void> {
  const text = () => (lstatSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file, 'utf8') : '')
  await eventually(
    () => `${file}: ${text().slice(0, 200)}`,
    () => like.test(text()),
  )
}

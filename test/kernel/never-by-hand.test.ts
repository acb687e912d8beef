/** `never add` on a real kernel: who is shut out is answered at once, nobody else is; by hand, by the settings and by a file alike. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Installation, install } from '../support/daemon.ts'
import { canBecome, NOBODY } from '../support/other-users.ts'
import { PATIENCE } from '../support/process.ts'
import { GATE, GATE6, gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const [HOST, OTHER, NEW] = ['198.18.7.1', '198.18.7.2', '198.18.7.3']
const [HOST6, OTHER6] = ['2001:db8:2:7::7', '2001:db8:2:8::7']
/** Of prefixes that are locked out by hand: who is in the entry, and who is beside it there. */
const [PART, REST] = ['198.19.0.65', '198.19.0.130']
const [PART6, REST6] = ['2001:db8:3:1::7', '2001:db8:3:2::7']
const NETS = ['198.19.0.0/24', '2001:db8:3::/48']
const ENTRIES = [HOST, HOST6, '198.19.0.64/26', '2001:db8:3:1::/64']
const WITHIN = [HOST, HOST6, PART, PART6]
const BESIDE = [OTHER, OTHER6, REST, REST6]
const toml = (entries: readonly string[]) => `never = ${JSON.stringify(entries)}\n`

/** All of WITHIN and BESIDE are shut out. */
async function withFlies(settings = '') {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/15', '2001:db8:2::/47')
  await serve(gate, 'tcp:22')
  const flypaperd = install(gate, settings)
  const daemon = await flypaperd.start()
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), [...WITHIN, ...BESIDE], 'nobody is, yet')
  await offend(scanner, [HOST, OTHER, HOST6, OTHER6])
  await daemon.says(/lockout 2001:db8:2:8::\/64/)
  await flypaperd.must('lock', ...NETS)
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), [])
  const dispose = async () => {
    flypaperd[Symbol.dispose]()
    await world[Symbol.asyncDispose]()
  }
  return { gate, scanner, flypaperd, daemon, [Symbol.asyncDispose]: dispose }
}

function gateOf(source: string): string {
  return source.includes(':') ? GATE6 : GATE
}

/** Each tries one closed port. */
async function offend(scanner: Host, sources: readonly string[], tcp = 81) {
  return await send(scanner, {
    bursts: sources.map(source => [{ source, destination: gateOf(source), tcp }]),
  })
}

/** A connection that is asked for again is answered twice a second at most (tcp_invalid_ratelimit): each call opens others. */
let from = 41_000

/** Whom the open port answers. */
async function answered(scanner: Host, sources: readonly string[]): Promise<string[]> {
  from++
  const { answers } = await send(scanner, {
    bursts: sources.map(source => [{ source, destination: gateOf(source), tcp: 22, from }]),
  })
  return sources.filter(source =>
    answers.some(({ kind, destination }) => kind === 'syn-ack' && destination === source),
  )
}

/** What is freed by the daemon in its own time. */
async function eventuallyAnswered(scanner: Host, sources: readonly string[]): Promise<void> {
  const deadline = Date.now() + 10_000 * PATIENCE
  for (;;) {
    const found = await answered(scanner, sources)
    if (found.length === sources.length) return
    if (Date.now() > deadline) assert.deepEqual(found, sources)
    await sleep(100)
  }
}

test('never add: whoever is within is answered at once, whatever he was locked out as; who is beside stays shut; remove, and he is judged as anybody', async () => {
  await using it = await withFlies()
  const { scanner, flypaperd, daemon } = it
  const said = await flypaperd.must('never', 'add', ...ENTRIES, '--because', 'the monitor')
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), WITHIN)
  for (const fly of [HOST, '2001:db8:2:7::/64']) assert.match(said, new RegExp(`^Freed ${fly}\\.$`, 'm'))
  for (const net of NETS)
    assert.match(said, new RegExp(`^${net} stays locked out, but for whom you named`, 'm'))
  await daemon.says(/never add 198\.18\.7\.1, .* \(by .*\), for ever: the monitor/)

  const refused = await offend(scanner, WITHIN, 82)
  const kinds = refused.answers.map(({ kind, destination }) => `${kind} ${destination}`)
  assert.deepEqual(
    kinds.sort(),
    WITHIN.map(who => `rst ${who}`).sort(),
    'a closed port answers as without us',
  )
  await offend(scanner, [NEW])
  await daemon.says(new RegExp(`lockout ${NEW},`)) // The control: the trap is armed.
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE, NEW]), WITHIN)

  const why = await flypaperd.must('why', HOST)
  assert.match(why, /is on the never-list \(198\.18\.7\.1, by hand of .* since .*, for ever: the monitor\)/)
  assert.equal((await flypaperd.run('lock', HOST)).code, 1)
  assert.match(await flypaperd.must('status'), /^never-list: 4 prefixes, 4 by hand$/m)
  assert.match(await flypaperd.must('never', 'list'), /^198\.18\.7\.1 +by hand +for ever .* the monitor$/m)

  await flypaperd.must('never', 'remove', HOST, '198.19.0.64/26')
  assert.deepEqual(await answered(scanner, WITHIN), [HOST, HOST6, PART6], 'the prefix by hand is whole again')
  await offend(scanner, [HOST], 83)
  await daemon.says(/lockout 198\.18\.7\.1, who tried TCP-port 83/)
  assert.deepEqual(await answered(scanner, WITHIN), [HOST6, PART6])
  const again = await flypaperd.run('never', 'remove', HOST)
  assert.deepEqual([again.code, again.stdout], [0, 'There is no entry by hand for 198.18.7.1.\n'])
})

test('the settings and a reload: the same are answered, and nobody else', async () => {
  await using it = await withFlies()
  const { scanner, flypaperd } = it
  flypaperd.settings(toml(ENTRIES))
  await flypaperd.must('reload')
  await eventuallyAnswered(scanner, WITHIN)
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), WITHIN)

  await flypaperd.must('never', 'add', HOST)
  const { code, stdout } = await flypaperd.run('never', 'remove', HOST)
  assert.deepEqual(
    [code, stdout.includes('But 198.18.7.1 is never locked out all the same: 198.18.7.1.')],
    [1, true],
  )
  assert.deepEqual(await answered(scanner, [HOST]), [HOST])
})

test('a file of never_files that changes: the same are answered, and nobody else', async () => {
  const world = await makeWorld()
  await using _ = world
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/15', '2001:db8:2::/47')
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate)
  const file = join(flypaperd.directory, 'list.txt')
  writeFileSync(file, '192.88.99.0/24\n')
  flypaperd.settings(`never_files = ["${file}"]\n`)
  const daemon = await flypaperd.start()
  await offend(scanner, [HOST, OTHER, HOST6, OTHER6])
  await daemon.says(/lockout 2001:db8:2:8::\/64/)
  await flypaperd.must('lock', ...NETS)
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), [])
  writeFileSync(file, ENTRIES.join('\n'))
  await sleep(1100)
  await gate.must(['ip', 'address', 'add', '192.0.2.101/32', 'dev', 'lo']) // The daemon looks.
  await daemon.says(/never_files were read again: 4 prefixes/)
  await eventuallyAnswered(scanner, WITHIN)
  assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), WITHIN)
})

test('an entry with --for: who is in it is answered until its end, and sticks at his next offence', async () => {
  await using it = await withFlies()
  const { scanner, flypaperd, daemon } = it
  await flypaperd.must('never', 'add', HOST, '--for', String(6 * PATIENCE))
  await flypaperd.must('never', 'add', HOST6)
  await offend(scanner, [HOST, HOST6], 82)
  assert.deepEqual(await answered(scanner, [HOST, HOST6, OTHER]), [HOST, HOST6])
  await daemon.says(/on the never-list by hand no more, since their time is over: 198\.18\.7\.1$/m)
  assert.deepEqual(await answered(scanner, [HOST, HOST6, OTHER]), [HOST, HOST6], 'he has done nothing since')
  await offend(scanner, [HOST, HOST6], 83)
  await daemon.says(/lockout 198\.18\.7\.1, who tried TCP-port 83/)
  assert.deepEqual(await answered(scanner, [HOST, HOST6, OTHER]), [HOST6])
})

test('a restart that hands over, a stop and a start, and a kill keep the entries, without a gap; the state file for boot has them, too', async () => {
  await using it = await withFlies()
  const { scanner, flypaperd } = it
  let { daemon } = it
  await flypaperd.must('never', 'add', ...ENTRIES, '--for', '1h', '--because', 'until the move')
  const entries = async () => JSON.parse(await flypaperd.must('never', 'list', '--json')).byHand
  const before = await entries()
  assert.equal(before.length, 4)
  for (const manner of ['restart', 'stop', 'kill'] as const) {
    const old = daemon
    if (manner === 'stop') await flypaperd.must('stop')
    if (manner === 'kill') await old.stop('SIGKILL')
    daemon = await flypaperd.start(manner === 'restart' ? 'restart' : 'start')
    await old.ended
    assert.deepEqual(await answered(scanner, [...WITHIN, ...BESIDE]), WITHIN, manner)
    assert.deepEqual(await entries(), before, manner)
  }
  await offend(scanner, WITHIN, 84)
  await offend(scanner, [NEW], 84)
  await daemon.says(new RegExp(`lockout ${NEW},`))
  assert.deepEqual(await answered(scanner, WITHIN), WITHIN)
  assert.match(readFileSync(join(flypaperd.directory, 'boot.nft'), 'utf8'), /198\.18\.7\.1/, 'at boot, too')
})

test('a damaged file: the daemon begins with what can be read, keeps the file aside, and says so', async () => {
  await using it = await withFlies()
  const { scanner, flypaperd, daemon } = it
  await flypaperd.must('never', 'add', HOST, HOST6)
  const file = join(flypaperd.directory, 'never.jsonl')
  const [first, second] = readFileSync(file, 'utf8').split('\n')
  const damaged = `${first}\n\u0000\u00ff${second!.slice(9)}\n`
  writeFileSync(file, damaged, 'latin1')
  await flypaperd.must('reload')
  assert.deepEqual(await answered(scanner, [HOST, HOST6, OTHER]), [HOST, HOST6], 'in force is what was')
  const next = await flypaperd.start('restart')
  await daemon.ended
  assert.match(
    next.output(),
    /the file of the never-list by hand is damaged in line 2\. It is .*never\.jsonl\.damaged-\S+ now, and 1 entry is in force/,
  )
  const aside = readdirSync(flypaperd.directory).find(name => name.startsWith('never.jsonl.damaged-'))!
  assert.equal(readFileSync(join(flypaperd.directory, aside), 'latin1'), damaged)
  await offend(scanner, [HOST, HOST6], 85)
  await next.says(/lockout 2001:db8:2:7::\S+, who tried TCP-port 85/)
  assert.deepEqual(await answered(scanner, [HOST, HOST6, OTHER]), [HOST])
})

const skip = canBecome(NOBODY) ? false : 'outside CI: only root with all user ids can become somebody else'
const GROUPS = { 'flypaperd-operate': 3002, 'flypaperd-watch': 3003 }

test('whoever has operate.sock may add and remove, and it is signed; whoever has watch.sock may only list', {
  skip,
}, async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const groups = Object.entries(GROUPS).map(([name, gid]) => `${name}:x:${gid}:\n`)
  using flypaperd = install(gate, '', { files: { '/etc/group': `root:x:0:\n${groups.join('')}` } })
  chmodSync(flypaperd.directory, 0o755)
  await flypaperd.start()
  const as = (group: keyof typeof GROUPS): Installation =>
    install(gate, '', {
      runtime: flypaperd.directory,
      state: flypaperd.directory,
      by: ['setpriv', '--reuid', '3001', '--regid', '3001', '--groups', `${GROUPS[group]}`, '--'],
    })
  using watcher = as('flypaperd-watch')
  using operator = as('flypaperd-operate')
  for (const { directory } of [watcher, operator]) chmodSync(directory, 0o755)
  for (const action of ['add', 'remove']) {
    const { code, stderr } = await watcher.run('never', action, HOST)
    assert.equal(code, 77)
    assert.match(stderr, /be a member of the group flypaperd-operate\./)
  }
  assert.equal(await watcher.must('never', 'list'), 'Nobody.\n', 'nothing was done')
  await operator.must('never', 'add', HOST, '--because', 'mine')
  assert.match(await watcher.must('never', 'list', '--json'), /"by":"uid 3001, who says /)
  assert.match(
    await watcher.must('why', HOST).catch(String),
    /by hand of uid 3001, who says .* since .*: mine/,
  )
  await operator.must('never', 'remove', HOST)
  assert.equal(await watcher.must('never', 'list'), 'Nobody.\n')
})

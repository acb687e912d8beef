/** 0.1.0 and this version, one after the other, in every mode: what each finds in the kernel, over the socket, and in the settings of the other. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fresh, GATE, OPEN, offend } from '../support/change-under-scan.ts'
import { type Installation, install } from '../support/daemon.ts'
import { countNoMore, type Old, oldIn, unpackOld } from '../support/old-version.ts'
import type { Running } from '../support/process.ts'
import { gateAndScanner } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { type Names, namesIn } from '../support/table-names.ts'
import { type Host, makeWorld } from '../support/world.ts'

const old = await unpackOld()
after(() => old[Symbol.dispose]())

const FIREWALL = `table inet filter { chain input { type filter hook input priority filter; policy drop
  ct state established,related accept
  tcp dport ${OPEN} accept\n}
  chain forward { type filter hook forward priority filter; policy drop\n}\n}`
const THEIRS = FIREWALL.replace('inet filter', 'inet theirs')
const SILENT = '[grades]\nsilent = ["tcp/113", "udp/514"]'
const MODES = {
  listening: { toml: `closed = "listening"\n${SILENT}`, rules: '' },
  unaccepted: { toml: `closed = "unaccepted"\n${SILENT}`, rules: THEIRS },
  'unmatched, appended': {
    toml: `closed = "unmatched"\n${SILENT}\n[chains]\ninput = ["input"]\nforward = ["forward"]`,
    rules: FIREWALL,
  },
  auto: { toml: '', rules: THEIRS },
}

async function house(rules: string, toml: string) {
  const world = await makeWorld()
  const { gate, scanner } = await gateAndScanner(world, '198.18.0.0/15')
  if (rules !== '') await gate.nft(rules)
  await serve(gate, `tcp:${OPEN}`)
  const now = install(gate, toml)
  const before = oldIn(gate, old, now.directory)
  return {
    gate,
    scanner,
    now,
    before,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      now[Symbol.dispose]()
    },
  }
}

async function answersTo(scanner: Host, source: string): Promise<string[]> {
  const packet = { source, destination: GATE, tcp: OPEN }
  const { answers } = await send(scanner, { bursts: [[packet]] })
  return answers.map(({ kind }) => kind)
}

/** A daemon takes over from the other version's, over the socket, as in a checkout or a container. */
async function relieve(running: Running, next: Pick<Old, 'start'> | Installation): Promise<Running> {
  const daemon = await next.start('restart')
  assert.equal((await running.ended).code, 0)
  return daemon
}

async function isWell(program: Pick<Old, 'run'>): Promise<void> {
  const { code, stdout } = await program.run('status')
  assert.deepEqual([code, stdout.match(/^[^:]+: +OK \(/gm)?.length], [0, 6], stdout)
}

const ours = ({ chains, sets }: Names) => [...chains, ...sets].filter(name => name.startsWith('flypaper'))

for (const [mode, { toml, rules }] of Object.entries(MODES))
  test(`closed = ${mode}: each relieves the other by its socket, each stops what the other armed, and what stays drops nobody`, async () => {
    await using it = await house(rules, toml)
    const { gate, scanner, now, before } = it
    const fly = fresh()
    assert.deepEqual(await answersTo(scanner, fly), ['syn-ack'], 'the control')
    let daemon = await before.start()
    const again = async () => {
      daemon = await relieve(daemon, now)
    }
    await offend(scanner, gate, [fly])
    await daemon.says(/lockout/)
    for (const next of [now, before]) {
      if (next === before) await countNoMore(now, again)
      daemon = await relieve(daemon, next)
      await isWell(next)
      assert.deepEqual(await answersTo(scanner, fly), [])
      const other = fresh()
      await offend(scanner, gate, [other])
      await daemon.says(new RegExp(`lockout ${other.replaceAll('.', '\\.')}`))
      assert.deepEqual(await answersTo(scanner, other), [])
      assert.deepEqual(await answersTo(scanner, fresh()), ['syn-ack'], 'whoever has done nothing is answered')
    }
    await before.must('stop')
    await daemon.ended
    const left = await namesIn(gate)
    assert.deepEqual(
      left.hooked.filter(name => name.startsWith('flypaper')),
      [],
    )
    assert.ok(
      !left.ways.some(way => /^(input|forward) →/.test(way)),
      'no jump from the administrator’s chains',
    )
    assert.deepEqual(await answersTo(scanner, fly), ['syn-ack'], 'what 0.1.0 does not know drops nobody')
    await now.must('stop')
    assert.deepEqual(
      ours(await namesIn(gate)).sort(),
      ['flypaper', 'flypaper6'],
      'it takes out what 0.1.0 has left',
    )

    daemon = await now.start()
    await countNoMore(now, again)
    daemon = await relieve(daemon, before)
    process.kill(JSON.parse((await before.run('status', '--json')).stdout).daemon.pid, 'SIGKILL')
    await daemon.ended
    await now.must('stop')
    assert.deepEqual(
      ours(await namesIn(gate)).sort(),
      ['flypaper', 'flypaper6'],
      'also of a 0.1.0 that was killed',
    )
  })

test('the verbs of each, with the daemon of the other', async () => {
  await using it = await house('', '')
  const { now, before } = it
  let daemon = await now.start()
  const again = async () => {
    daemon = await relieve(daemon, now)
  }
  for (const program of [before, now]) {
    const other = fresh()
    await program.must('lock', other, '--for', '1d', '--because', 'enough')
    await daemon.says(/lockout/)
    assert.match(await program.must('list'), new RegExp(other))
    assert.match(await program.must('why', other), /enough/)
    await program.must('report')
    await program.must('free', other)
    assert.doesNotMatch(await program.must('list'), new RegExp(other))
    await program.must('lock', other)
    await program.must('flush')
    await program.must('reload')
    await isWell(program)
    if (program === before) {
      await countNoMore(now, again)
      daemon = await relieve(daemon, before)
    }
  }
  await now.must('stop')
  assert.equal((await daemon.ended).code, 0)
  daemon = await now.start()
  await before.must('stop')
  assert.equal((await daemon.ended).code, 0)
})

test('every setting that 0.1.0 documents is taken; what came since, 0.1.0 refuses by name, or does not see', async () => {
  await using it = await house('', '')
  const { now, before } = it
  const [, documented] = /```toml\n([\s\S]*?)```/.exec(
    readFileSync(join(old.directory, 'docs/settings.md'), 'utf8'),
  )!
  now.settings(documented!)
  for (const program of [now, before]) assert.equal((await program.run('check')).code, 0)
  now.settings(`${documented!.replace('hold = "20s"', 'holt = "20s"')}`)
  for (const program of [now, before]) {
    const { code, stderr } = await program.run('check')
    assert.equal(code, 78)
    assert.match(stderr, /holt[\s\S]*hold/, 'with a hint')
  }

  now.settings('log = "json"\n')
  await now.must('check')
  const { code, stderr } = await before.run('check')
  assert.deepEqual([code, /log/.test(stderr)], [78, true], stderr)
  now.settings('')
  mkdirSync(join(now.directory, 'flypaperd.d'), { recursive: true })
  writeFileSync(join(now.directory, 'flypaperd.d/10-hold.toml'), 'hold = "19s"\n')
  const holdOf = async (program: Pick<Old, 'must'>) =>
    /set flypaper_hold \{[^}]*timeout (\S+)/.exec(await program.must('generate'))![1]
  assert.deepEqual([await holdOf(now), await holdOf(before)], ['19s', '20s'])
})

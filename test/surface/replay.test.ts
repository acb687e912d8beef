/** What `replay` says of several files, of wrong words, and of more lockouts than a screen has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System } from '../../src/surface/cli/system.ts'
import { openSystem } from '../../src/system/system.ts'
import { EXIT, Failure } from '../../src/terms/failure.ts'
import { pcap, recorded, session } from '../support/capture-files.ts'
import { fakeClone } from '../support/fake-clone.ts'
import { settingsFrom } from '../support/read-settings.ts'
import { TERMINALS } from '../support/shown.ts'

const HONEST = session('203.0.113.5', '192.0.2.1', 22)
const scan = (sources: number): Outgoing[] => [
  ...HONEST,
  ...Array.from({ length: sources }, (_, i) => ({
    source: `198.51.100.${i}`,
    destination: '192.0.2.1',
    tcp: 23,
  })),
]
const FILES: Readonly<Record<string, Buffer>> = {
  honest: pcap(recorded(HONEST)),
  scan: pcap(recorded(scan(30))),
  damaged: Buffer.from('no capture file'),
}

async function run(args: string, changes: Partial<System> = {}) {
  const written = { out: '', err: '' }
  const system: System = {
    ...openSystem({ state: '/nonexistent', socket: '/nonexistent/control.sock' }),
    terminal: TERMINALS.pipe,
    ...settingsFrom(() => ({ text: 'dry_run = true\n[lockout]\nfirst = "5m"' })),
    openClone: async () => fakeClone(),
    readCaptureFile: path => ({ bytes: FILES[path]!, isCut: path === 'scan' }),
    ...changes,
  }
  const write = (to: 'out' | 'err') => (text: string) => {
    written[to] += text
  }
  const streams = { out: write('out'), err: write('err') }
  const exit = await runProgram(['replay', ...args.split(' ')], () => system, streams)
  return { exit, ...written }
}

test('several files: the worst counts, and one that is damaged keeps no other from being played', async () => {
  assert.equal((await run('honest --as 192.0.2.1')).exit, EXIT.ok)
  assert.equal((await run('honest scan --as 192.0.2.1')).exit, EXIT.no)
  const { exit, out, err } = await run('damaged scan honest --as 192.0.2.1')
  assert.equal(exit, EXIT.unavailable)
  assert.match(err, /^flypaperd: damaged was not played: it begins neither as pcap nor as pcapng/)
  assert.match(out, /^scan: 192\.0\.2\.1$[\s\S]*^honest: 192\.0\.2\.1$/m)
  const told = JSON.parse((await run('damaged scan --as 192.0.2.1 --json')).out).files
  assert.deepEqual(
    told.map(({ file, refused, lockedOut }: Record<string, unknown[]>) => [
      file,
      refused !== undefined,
      lockedOut?.length,
    ]),
    [
      ['damaged', true, undefined],
      ['scan', false, 30],
    ],
  )
})

test('the table fits a screen, and the rest is counted; a file that was too long says so', async () => {
  const { out } = await run('scan --as 192.0.2.1')
  assert.equal(out.match(/^198\.51\.100\./gm)!.length, 20)
  assert.match(out, /^and 10 more$/m)
  assert.match(out, /^- The file is longer than 128 MB: only these were read\.$/m)
  assert.match(out, /^Would have been locked out: 30 of 31 hosts\.$/m)
})

test('whoever has the address of the gateway would never be judged: then another is taken, or none', async () => {
  const others = ['198.51.100.254', '203.0.113.254', '192.0.2.254', '198.18.255.254']
  const file = (sources: readonly string[]) => ({
    readCaptureFile: () => ({
      bytes: pcap(
        recorded([...HONEST, ...sources.map(source => ({ source, destination: '192.0.2.1', tcp: 22 }))]),
      ),
      isCut: false,
    }),
  })
  assert.equal((await run('honest --as 192.0.2.1', file(others.slice(1)))).exit, EXIT.ok)
  const { exit, err } = await run('honest --as 192.0.2.1', file(others))
  assert.equal(exit, EXIT.unavailable)
  assert.match(err, /somebody in it has each address that its gateway could have/)
})

test('wrong words: what is no address of a host, and too many of them', async () => {
  for (const wrong of ['router', '224.0.0.1', '192.0.2.1,', 'fe80::1', '127.0.0.1']) {
    const { exit, err } = await run(`honest --as ${wrong}`)
    assert.equal(exit, EXIT.usage)
    assert.match(err, /--as takes the address of a host, not /)
  }
  const many = Array.from({ length: 17 }, (_, i) => `192.0.2.${i}`).join(',')
  assert.match((await run(`honest --as ${many}`)).err, /16 addresses at most/)
  assert.equal((await run('honest --as 192.0.2.77')).exit, EXIT.unavailable)
})

test('the settings are those of the administrator but for what the clone cannot have', async () => {
  let written = ''
  const openClone = async () => {
    const clone = fakeClone()
    const run: typeof clone.gate.run = async (command, input = '') => {
      if (command.includes('/nowhere/replay.toml') && command[0] === 'sh') written = input
      return clone.gate.run(command, input)
    }
    return { ...clone, gate: { ...clone.gate, run } }
  }
  assert.equal((await run('honest --as 192.0.2.1', { openClone })).exit, EXIT.ok)
  for (const line of [
    /^closed = "listening"$/m,
    /^dry_run = false$/m,
    /^boot_grace = "0s"$/m,
    /^first = "5m"$/m,
  ])
    assert.match(written, line)
})

test('a file that cannot be played in the clone: 69, and a mistake in the settings: 78', async () => {
  const openClone = () => {
    throw new Failure('no namespaces can be made', { exit: EXIT.unavailable, hint: 'Be root' })
  }
  const { exit, err } = await run('honest --as 192.0.2.1', { openClone })
  assert.deepEqual(
    [exit, err],
    [EXIT.unavailable, 'flypaperd: honest was not played: no namespaces can be made. Be root\n'],
  )
  assert.equal(
    (
      await run(
        'honest',
        settingsFrom(() => ({ text: 'holt = 1' })),
      )
    ).exit,
    EXIT.settings,
  )
})

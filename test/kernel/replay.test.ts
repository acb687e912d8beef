/**
 * Capture files through the real daemon, each made by the test: an innocent session and a scan in the same file, so that each nobody has
 * its control; one-sided and mid-stream ones; every combination of TCP flags.
 */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Outgoing } from '../../src/prove/packets.ts'
import type { LockedOut, Replayed } from '../../src/replay/replay.ts'
import { ethernet, pcap, pcapng, recorded, session } from '../support/capture-files.ts'
import { type Installation, install } from '../support/daemon.ts'
import { descendants, lineOf } from '../support/descendants.ts'
import { eventually } from '../support/eventually.ts'
import { FLYPAPERD } from '../support/programs.ts'
import { leftBy } from '../support/proving.ts'
import { TCP_FLAGS } from '../support/tcp-flags.ts'
import { type Host, makeWorld } from '../support/world.ts'

const SERVER = '192.0.2.1'
const SERVER6 = '2001:db8:1::1'
const CLIENTS = ['203.0.113.5', '203.0.113.6', '203.0.113.7']
const SCANNER = '203.0.113.66'
const syn = (source: string, tcp: number): Outgoing => ({ source, destination: SERVER, tcp })
const refusal = (to: string, from: number): Outgoing => {
  return { source: SERVER, destination: to, tcp: 40_000, from, flags: 0x14 }
}

function command({ directory }: Installation, files: readonly Buffer[], more: readonly string[]): string[] {
  const paths = files.map((bytes, i) => {
    const path = join(directory, `${i}.pcap`)
    writeFileSync(path, bytes)
    return path
  })
  const settings = ['--settings', join(directory, 'flypaperd.toml')]
  return [process.execPath, FLYPAPERD, 'replay', '--json', ...settings, ...more, ...paths]
}

async function replayed(host: Host, files: readonly Buffer[], more: readonly string[] = [], toml = '') {
  using flypaperd = install(host, toml)
  const { code, stdout, stderr } = await host.run(command(flypaperd, files, more), { timeout: 180_000 })
  assert.ok(code <= 1, stderr)
  assert.deepEqual(
    readdirSync(flypaperd.directory).sort(),
    [...files.map((_, i) => `${i}.pcap`), 'flypaperd.toml'],
    'no history, no socket',
  )
  return { code, files: JSON.parse(stdout).files as Replayed[] }
}

const flies = ({ lockedOut }: Replayed) =>
  lockedOut
    .map(({ source, packet, because, isHeadless, isHalved }: LockedOut) =>
      [source, packet, because, isHeadless && 'mid-stream', isHalved && 'one-sided']
        .filter(Boolean)
        .join(' '),
    )
    .sort()

test('clients of a port that answers are served, a scan beside them is locked out at its packet; nothing of the machine is changed', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  await host.nft('add table inet mine\nadd chain inet mine c { type filter hook input priority 0; }')
  const before = await leftBy(host)
  const innocents = CLIENTS.flatMap((client, i) => session(client, SERVER, 22, 40_000 + i))
  const upstream = session(SERVER, '198.51.100.7', 443, 50_000)
  const scan = [22, 23, 25].flatMap(port =>
    port === 22 ? session(SCANNER, SERVER, 22).slice(0, 3) : [syn(SCANNER, port), refusal(SCANNER, port)],
  )
  const honest = pcap(
    recorded([...innocents, ...upstream]).map(one => ({ ...one, bytes: ethernet(one.bytes, 1) })),
    { link: 1 },
  )
  const mixed = pcapng(recorded([...innocents, ...upstream, ...scan]), { isBig: true })
  const six = pcap(
    recorded([
      ...session('2001:db8:77::5', SERVER6, 22),
      ...session('2001:db8:78::5', SERVER6, 22),
      { source: '2001:db8:99::1', destination: SERVER6, tcp: 23 },
    ]),
  )
  // With dry_run and grace the living daemon would lock out nobody; with "unmatched" it needs rules.
  const toml = 'closed = "unmatched"\ndry_run = true\nboot_grace = "1h"\n'
  const { code, files } = await replayed(host, [honest, mixed, six], ['--as', `${SERVER},${SERVER6}`], toml)
  assert.equal(code, 1)
  assert.deepEqual(flies(files[0]!), [])
  assert.deepEqual([files[0]!.packets, files[0]!.hosts], [{ in: 18, out: 14 }, 4])
  // Packet 36 is the SYN to port 23, behind 32 of the others and the handshake of the scanner.
  assert.deepEqual(flies(files[1]!), [`${SCANNER} 36 closed-port`])
  assert.deepEqual(flies(files[2]!), ['2001:db8:99::/64 17 closed-port'])
  assert.equal(await leftBy(host), before)
})

test('one-sided and mid-stream: who is locked out for that alone is marked; with both sides and the beginning nobody is', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  const whole = [...CLIENTS.flatMap((client, i) => session(client, SERVER, 22, 40_000 + i))]
  const inward = whole.filter(({ source }) => source !== SERVER)
  const late = whole.filter(one => 'tcp' in one && ((one.flags ?? 2) & 2) === 0)
  const files = [whole, inward, late].map(packets => pcap(recorded(packets)))
  const found = await replayed(host, files, ['--as', SERVER])
  assert.deepEqual(flies(found.files[0]!), [])
  assert.deepEqual(
    flies(found.files[1]!),
    CLIENTS.map((client, i) => `${client} ${i * 5 + 1} closed-port one-sided`),
  )
  assert.match(found.files[1]!.remarks.join('\n'), /^One-sided: .* says nothing in this file/m)
  assert.deepEqual(flies(found.files[2]!), [], 'late packets to one port are no evidence')
  assert.match(found.files[2]!.remarks.join('\n'), /without a beginning in the file.*: 3\./)
})

test('with its gaps it takes as long as it took', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  const [first, ...others] = recorded([...session(CLIENTS[0]!, SERVER, 22), syn(SCANNER, 23)])
  const file = pcap([first!, ...others.map(one => ({ ...one, at: one.at! + 4 }))])
  const began = performance.now()
  const { files } = await replayed(host, [file], ['--as', SERVER, '--with-gaps'])
  assert.ok(performance.now() - began > 4_000)
  assert.deepEqual(flies(files[0]!), [`${SCANNER} 9 closed-port`])
  assert.doesNotMatch(files[0]!.remarks.join('\n'), /Gaps are left out/)
})

test('every combination of TCP flags to a closed port, a stranger each: as the oracle says', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  const file = (source: (i: number) => string, destination: string) =>
    pcap(
      recorded([
        ...session(source(200), destination, 22),
        ...TCP_FLAGS.map(({ flags }, i) => ({ source: source(i), destination, tcp: 81, flags })),
      ]),
    )
  const sources = [(i: number) => `203.0.113.${i}`, (i: number) => `2001:db8:${(0x100 + i).toString(16)}::1`]
  const { files } = await replayed(
    host,
    [file(sources[0]!, SERVER), file(sources[1]!, SERVER6)],
    ['--as', `${SERVER},${SERVER6}`],
  )
  const count = (wanted: string) => TCP_FLAGS.filter(({ became }) => became === wanted).length
  for (const [i, { lockedOut, spared, kernel }] of files.entries()) {
    const became = new Map(lockedOut.map(one => [one.packetSource ?? one.source, one.because]))
    for (const [n, { letters, became: wanted }] of TCP_FLAGS.entries()) {
      const isGuilty = wanted === 'illegal-flags' || wanted === 'closed-port'
      assert.equal(became.get(sources[i]!(n)), isGuilty ? wanted : undefined, letters)
    }
    assert.deepEqual(kernel, { backscatter: count('backscatter') })
    assert.deepEqual(spared, [{ because: 'late', packets: count('late'), sources: count('late') }])
  }
})

test('killed while it plays it leaves nothing', async () => {
  await using world = await makeWorld()
  const host = await world.host('host')
  using flypaperd = install(host)
  const [first, ...others] = recorded(session(CLIENTS[0]!, SERVER, 22))
  const file = pcap([first!, ...others.map(one => ({ ...one, at: one.at! + 600 }))])
  const playing = await host.start(command(flypaperd, [file], ['--as', SERVER, '--with-gaps']))
  const below = () => descendants(playing.pid)
  await eventually(
    'it does not play',
    () => [...below().values()].some(line => /in-clone.* play/.test(line)),
    30_000,
  )
  const all = [...below().keys()]
  assert.ok(all.length >= 6, 'two holders, what they hold, the services, the daemon, and that one')
  process.kill(playing.pid, 'SIGKILL')
  await eventually(
    () => `still there: ${all.map(lineOf)}`,
    () => all.every(pid => lineOf(pid) === ''),
  )
  assert.deepEqual(readdirSync(flypaperd.directory).sort(), ['0.pcap', 'flypaperd.toml'])
})

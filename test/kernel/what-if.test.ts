/** The ring of the real daemon: Wireshark's tools read it, and what-if tells what happened, and what a second run by other settings does. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Installation, install, lockoutsOf } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { must } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { serve } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const RING = '[ring]\non = true\n'
/** Two have tried three ports one after the other, one has tried one, and somebody an excusable one. */
const SCANNERS = ['198.51.100.1', '198.51.100.2', '2001:db8:9::5', '198.51.100.3', '198.51.100.4']

async function scene(stack: AsyncDisposableStack) {
  const world = stack.use(await makeWorld())
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, {
    a: ['192.0.2.1/24', '2001:db8::1/64'],
    b: ['192.0.2.9/24', '2001:db8::9/64'],
  })
  await gate.route('198.51.100.0/24', '192.0.2.9')
  await gate.route('2001:db8:9::/48', '2001:db8::9')
  await serve(gate, 'tcp:22')
  return { gate, scanner }
}

async function scan(scanner: Parameters<typeof send>[0]): Promise<void> {
  const packet = (source: string, tcp: number) => ({
    source,
    destination: source.includes(':') ? '2001:db8::1' : '192.0.2.1',
    tcp,
  })
  const bursts = [
    ...SCANNERS.slice(0, 3).map(source => [
      packet(source, 20_000),
      packet(source, 20_001),
      packet(source, 22),
    ]),
    [packet(SCANNERS[3]!, 22)],
    [packet(SCANNERS[4]!, 113)],
  ]
  await send(scanner, { bursts })
}

interface Answer {
  readonly packets: number
  readonly changes: readonly {
    source: string
    change: string
    happened: readonly { seconds: number }[]
    would: readonly { seconds: number }[]
  }[]
  readonly happened: { sources: number }
  readonly would: { sources: number }
  readonly unknown: readonly string[]
  readonly different: readonly string[]
}

const whatIf = async (flypaperd: Installation, ...args: string[]): Promise<Answer> =>
  JSON.parse(await flypaperd.must('what-if', '--json', ...args))
const flies = async (flypaperd: Installation) =>
  (JSON.parse(await flypaperd.must('list', '--json')) as { source: string }[])
    .map(({ source }) => source)
    .sort()

test('what-if: the same settings are what happened, others are what a second daemon does', async () => {
  await using stack = new AsyncDisposableStack()
  const { gate, scanner } = await scene(stack)
  using flypaperd = install(gate, RING)
  const daemon = await flypaperd.start()
  await scan(scanner)
  assert.equal((await lockoutsOf(daemon, 3)).length, 3)
  const happened = await flies(flypaperd)
  await eventually('the ring is written', async () =>
    /^ring: on, since /m.test(await flypaperd.must('status')),
  )
  await flypaperd.must('stop')

  const same = await whatIf(flypaperd)
  assert.deepEqual(
    [same.changes, same.happened.sources, same.would.sources, same.different, same.unknown],
    [[], 3, 3, [], []],
  )
  assert.ok(same.packets >= 4, 'the excusable port is in it as well')
  await readByOthers(flypaperd, same.packets)

  const others =
    'never = ["198.51.100.1"]\nclosed = "unmatched"\n[lockout]\nfirst = "2h"\n[evidence]\nstranger.excusable = 100\n'
  flypaperd.settings(`${others}${RING}`)
  const would = await whatIf(flypaperd)
  assert.deepEqual(
    would.changes.map(({ source, change, would }) => [source, change, would[0]?.seconds]).sort(),
    [
      ['198.51.100.1', 'gone', undefined],
      ['198.51.100.2', 'longer', 7200],
      ['198.51.100.4', 'new', 7200],
      ['2001:db8:9::/64', 'longer', 7200],
    ],
  )
  assert.ok(would.unknown.some(sentence => sentence.startsWith('closed: ')))
  assert.match(await flypaperd.must('what-if'), /^198\.51\.100\.4 +new +- +2h /m)

  // A second daemon, which knows of nobody, by those of these settings that do not change what the kernel grades.
  using second = install(gate, `${others.replace('closed = "unmatched"\n', '')}${RING}`)
  const again = await second.start()
  await scan(scanner)
  await lockoutsOf(again, 3)
  const found = await flies(second)
  const expected = would.changes.flatMap(({ source, would }) => (would.length > 0 ? [source] : [])).sort()
  assert.deepEqual([found, happened.includes('198.51.100.1')], [expected, true])
  await second.must('stop')
})

/** It is a file for others, too. */
async function readByOthers({ directory }: Installation, packets: number): Promise<void> {
  const name = readdirSync(directory).find(name => name.startsWith('ring-'))!
  const file = join(directory, name)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const lines = (await must(['tcpdump', '-nr', file])).trim().split('\n')
  assert.equal(lines.length, packets)
  assert.match(lines.join('\n'), /198\.51\.100\.1.*20000/)
}

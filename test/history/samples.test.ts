/** Which ports flies went on to try, as the history remembers them; and what gathers them for a second. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/history.ts'
import { openSamples } from '../../src/history/samples.ts'
import { MIGRATIONS } from '../../src/history/schema.ts'
import { openSampleBuffer, SAMPLED_A_SECOND, SAMPLED_PORTS_MAX } from '../../src/lockout/samples.ts'
import { MEMORY, openDatabase } from '../../src/system/sqlite.ts'
import { fly, HOUR, SINCE, sourceOf } from './lockouts.ts'

const SYN = 0x02
const FLY = fly('192.0.2.9')
const tcp = (port: number, flags = SYN) => ({ kind: 'tcp', port, flags }) as const
const fresh = () => openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false })
const ports = (from: number, count: number) => Array.from({ length: count }, (_, i) => `tcp/${from + i}`)

test('the ports of a lockout add up, each once; the next lockout begins anew', () => {
  using database = fresh()
  const samples = openSamples(database)
  samples.addSamples([{ source: FLY, since: SINCE, last: SINCE + 5, ports: ['tcp/22', 'udp/53'] }])
  samples.addSamples([{ source: FLY, since: SINCE, last: SINCE + 9, ports: ['tcp/22', 'tcp/80'] }])
  assert.deepEqual(samples.sampleOf(['2001:db8::/64', FLY]), {
    last: SINCE + 9,
    ports: ['tcp/22', 'udp/53', 'tcp/80'],
  })
  samples.addSamples([{ source: FLY, since: SINCE + HOUR, last: SINCE + HOUR + 1, ports: ['tcp/443'] }])
  assert.deepEqual(samples.sampleOf([FLY])?.ports, ['tcp/443'])
  assert.equal(samples.sampleOf([fly('192.0.2.10')]), undefined)
})

test('full, a fly has no more ports, and the flies that were seen longest ago make room', () => {
  using database = fresh()
  const samples = openSamples(database, 100)
  const at = { source: FLY, since: SINCE, last: SINCE }
  samples.addSamples([{ ...at, ports: ports(1, SAMPLED_PORTS_MAX - 1) }])
  samples.addSamples([{ ...at, ports: ports(100, 50) }])
  assert.deepEqual(samples.sampleOf([FLY])?.ports, [...ports(1, SAMPLED_PORTS_MAX - 1), 'tcp/100'])
  for (let i = 0; i < 1000; i += 10)
    samples.addSamples(
      ports(1, 10).map((port, j) => ({
        source: sourceOf(i + j),
        since: SINCE,
        last: SINCE + 1 + i + j,
        ports: [port],
      })),
    )
  const rows = database.prepare('SELECT count(*) AS rows FROM sampled').get()!.rows as number
  assert.ok(rows >= 90 && rows <= 110, String(rows))
  assert.equal(samples.sampleOf([FLY]), undefined)
  assert.ok(samples.sampleOf([sourceOf(999)]))
})

test('the report has what most sources tried since then; what is older than is kept, is forgotten', () => {
  using history = openHistory(fresh())
  history.addSamples([
    { source: FLY, since: SINCE, last: SINCE, ports: ['tcp/22', 'tcp/80'] },
    { source: sourceOf(1), since: SINCE, last: SINCE + HOUR, ports: ['tcp/80', 'tcp/443'] },
  ])
  assert.deepEqual(history.sums(SINCE).alsoTried, [
    { what: 'tcp/80', sources: 2 },
    { what: 'tcp/22', sources: 1 },
    { what: 'tcp/443', sources: 1 },
  ])
  assert.deepEqual(
    history.sums(SINCE + 1).alsoTried.map(({ what }) => what),
    ['tcp/443', 'tcp/80'],
  )
  history.prune({ keepMs: HOUR, most: 1000 }, SINCE + HOUR + 1)
  assert.equal(history.sampleOf([FLY]), undefined)
  assert.ok(history.sampleOf([sourceOf(1)]))
  history.prune({ keepMs: Number.POSITIVE_INFINITY, most: 1000 }, SINCE + 1e6 * HOUR)
  assert.ok(history.sampleOf([sourceOf(1)]))
})

test('what is gathered in a second is bounded; what belongs to an open connection, or has no port, is no try', () => {
  const buffer = openSampleBuffer()
  const [ACK, RST, FIN] = [0x10, 0x04, 0x01]
  buffer.saw(FLY, SINCE, tcp(1, ACK), SINCE)
  buffer.saw(FLY, SINCE, tcp(2, SYN | ACK), SINCE)
  buffer.saw(FLY, SINCE, tcp(3, RST), SINCE)
  buffer.saw(FLY, SINCE, { kind: 'icmp', type: 8, code: 0 }, SINCE)
  assert.deepEqual(buffer.take(), [])
  for (const port of [22, 22, 80]) buffer.saw(FLY, SINCE, tcp(port), SINCE + port)
  buffer.saw(FLY, SINCE, tcp(23, FIN), SINCE + 81)
  buffer.saw(FLY, SINCE, { kind: 'udp', port: 53 }, SINCE + 82)
  assert.deepEqual(buffer.take(), [
    { source: FLY, since: SINCE, last: SINCE + 82, ports: ['tcp/22', 'tcp/80', 'tcp/23', 'udp/53'] },
  ])
  for (let i = 0; i < 2 * SAMPLED_A_SECOND; i++) buffer.saw(sourceOf(i), SINCE, tcp(i), SINCE)
  for (let i = 0; i < 2 * SAMPLED_PORTS_MAX; i++) buffer.saw(sourceOf(0), SINCE, tcp(i), SINCE)
  const taken = buffer.take()
  assert.equal(taken.length, SAMPLED_A_SECOND)
  assert.equal(taken[0]!.ports.length, SAMPLED_PORTS_MAX)
  assert.deepEqual(buffer.take(), [], 'taken once')
})

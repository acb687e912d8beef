/** The files of the ring: they go round by size and age, are for root and the daemon alone, and what is not theirs is left alone. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encode } from '../../src/prove/packets.ts'
import { blockOfPacket, headOf } from '../../src/ring/entry.ts'
import { joined } from '../../src/ring/pcapng.ts'
import { entriesOf } from '../../src/ring/read.ts'
import { readRing, ringFiles } from '../../src/system/ring-files.ts'

const HEAD = headOf('1.0.0')
const MB = 1024 ** 2
const LIMITS = { bytes: MB, ageMs: 8 * 3_600_000 }
const HOUR = 3_600_000

function directory() {
  const path = mkdtempSync(join(tmpdir(), 'flypaperd-test-ring-'))
  return {
    path,
    names: () =>
      readdirSync(path)
        .filter(name => name.endsWith('.pcapng'))
        .sort(),
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  }
}

let sources = 0
function blocks(count: number, at: number): Uint8Array {
  return joined(
    Array.from({ length: count }, () => {
      const source = `198.51.${(sources >> 8) & 255}.${sources++ & 255}`
      const bytes = encode({ source, destination: '192.0.2.1', tcp: 81 } as never)
      const seen = { at, channel: 'late', hook: 'input', bytes, because: 'late' } as const
      return blockOfPacket({ ...seen, isAgain: false, isSameBatch: false })
    }),
  )
}
const timesIn = (path: string) => [...entriesOf(readRing(path), assert.fail)].map(({ at }) => at)

test('it goes round: never more bytes than it may have, in four files at least, the newest always', () => {
  using state = directory()
  const files = ringFiles(state.path)
  let last = files.prune(LIMITS, 0)
  assert.equal(last.since, undefined)
  for (let at = 1; at <= 60; at++) last = files.append(blocks(500, at), HEAD, LIMITS, at)
  const sizes = state.names().map(name => statSync(join(state.path, name)).size)
  const whole = sizes.reduce((sum, one) => sum + one, 0)
  assert.ok(whole <= MB && whole > MB / 2, `${whole}`)
  assert.ok(sizes.length >= 4 && Math.max(...sizes) <= MB / 4)
  assert.equal(last.bytes, whole)
  const times = timesIn(state.path)
  assert.deepEqual([times.at(-1), times[0]! > 1, times[0]], [60, true, last.since])
  for (const name of state.names()) assert.equal(statSync(join(state.path, name)).mode & 0o777, 0o600)
})

test('what is too old goes, also where nothing comes any more; a larger ring does not keep it', () => {
  using state = directory()
  const files = ringFiles(state.path)
  for (let hour = 0; hour < 12; hour++) files.append(blocks(1, hour * HOUR), HEAD, LIMITS, hour * HOUR)
  assert.ok(
    timesIn(state.path).every(at => at > 3 * HOUR),
    'nothing is older than it may be',
  )
  assert.ok(timesIn(state.path).length >= 7, 'and not much less is kept')
  files.prune({ bytes: 64 * MB, ageMs: 2 * HOUR }, 12 * HOUR)
  assert.deepEqual(timesIn(state.path), [11 * HOUR])
  assert.equal(files.prune(LIMITS, 30 * HOUR).bytes, 0)
  assert.deepEqual(state.names(), [])
})

test('the next daemon goes on where the last one ended, and cuts off what a crash has left', () => {
  using state = directory()
  ringFiles(state.path).append(blocks(3, 1), HEAD, LIMITS, 1)
  const file = join(state.path, state.names()[0]!)
  appendFileSync(file, blocks(1, 2).subarray(0, 40))
  const reach = ringFiles(state.path).append(blocks(2, 3), HEAD, LIMITS, 3)
  assert.match(reach.remarks.join(), /was not whole: 40 bytes at its end are cut off/)
  assert.deepEqual([state.names().length, timesIn(state.path)], [1, [1, 1, 1, 3, 3]])
})

test('what is none of ours is left alone, and links lead nowhere', () => {
  using state = directory()
  const foreign = join(state.path, 'ring-000001-1.pcapng')
  const target = join(state.path, 'target')
  writeFileSync(foreign, 'somebody else')
  writeFileSync(target, 'a target')
  const reach = ringFiles(state.path).append(blocks(1, 2), HEAD, LIMITS, 2)
  assert.match(reach.remarks.join(), /is no file of the ring, and left alone/)
  assert.equal(readFileSync(foreign, 'utf8'), 'somebody else')
  const problems: string[] = []
  assert.equal([...entriesOf(readRing(state.path), one => problems.push(one))].length, 1)
  assert.match(problems.join(), /ring-000001-1\.pcapng is left out: it is no pcapng file/)
  rmSync(foreign)
  for (const name of state.names()) rmSync(join(state.path, name))
  symlinkSync(target, join(state.path, 'ring-000009-9.pcapng'))
  assert.throws(() => ringFiles(state.path).append(blocks(1, 2), HEAD, LIMITS, 2))
  assert.equal(readFileSync(target, 'utf8'), 'a target')
})

test('they belong to the owner of the directory, and are taken from by who asks to be forgotten', () => {
  using state = directory()
  chownSync(state.path, 65_533, 65_533)
  const files = ringFiles(state.path)
  const wanted = sources
  files.append(blocks(3, 1), HEAD, LIMITS, 1)
  assert.equal(statSync(join(state.path, state.names()[0]!)).uid, 65_533)
  assert.equal(files.forget([`198.51.${wanted >> 8}.${wanted & 255}`]), 1)
  files.append(blocks(1, 2), HEAD, LIMITS, 2)
  assert.deepEqual(timesIn(state.path), [1, 1, 2])
  const name = state.names()[0]!
  assert.deepEqual(
    [statSync(join(state.path, name)).uid, statSync(join(state.path, name)).mode & 0o777],
    [65_533, 0o600],
  )
  assert.ok(!existsSync(join(state.path, `.${name}.new`)))
})

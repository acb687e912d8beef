import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepStateFile, stateText } from '../../src/keep/state-file.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { stepsOf, wholeFile } from '../../src/system/whole-file.ts'
import type { Fly } from '../../src/terms/fly.ts'

const NOW = Date.UTC(2026, 10, 24)
const SETTINGS = parseSettings('', 'test')
const term = (seconds: number) => ({ since: NOW, until: NOW + seconds * 1000 })
const textOf = (...flies: [string, number][]) =>
  [
    ...stateText(
      SETTINGS,
      flies.map(([fly, seconds]) => [fly as Fly, term(seconds)] as const),
      () => NOW,
    ),
  ].join('')

test('nobody has more than ten minutes in it, and whose time is over is left out', () => {
  const text = textOf(
    ['192.0.2.1', 3600],
    ['192.0.2.2', Number.POSITIVE_INFINITY],
    ['192.0.2.3', 30],
    ['192.0.2.4', 0],
    ['2001:db8:1::/64', 900],
    ['198.51.100.0/24', 900],
  )
  const added = [...text.matchAll(/^add element inet filter (.*)$/gm)].map(([, what]) => what)
  assert.deepEqual(added, [
    'flypaper { 192.0.2.1 timeout 600s, 192.0.2.2 timeout 600s, 192.0.2.3 timeout 30s }',
    'flypaper6 { 2001:db8:1:: timeout 600s }',
    'flypaper_nets { 198.51.100.0/24 timeout 600s }',
  ])
  assert.match(text, /chain flypaper_early/)
  assert.doesNotMatch(text, /flypaper_judge|queue|log group/)
})

test('the file is whole at every moment, and a failed write leaves the old one', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-state-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'boot.nft')
  const file = wholeFile(stepsOf(path))
  await file.write(['one\n'])
  const writing = file.write(
    (function* () {
      for (let n = 0; n < 50; n++) {
        assert.equal(readFileSync(path, 'utf8'), 'one\n')
        yield `${n}\n`
      }
      throw new Error('no space left')
    })(),
  )
  await assert.rejects(writing, /no space left/)
  assert.deepEqual(readdirSync(folder), ['boot.nft'])
  assert.equal(readFileSync(path, 'utf8'), 'one\n')
  const late = file.write(['two\n'])
  file.remove()
  file.remove()
  await late
  assert.deepEqual(readdirSync(folder), [], 'what was on its way does not bring it back')
  await file.write(['three\n'])
  assert.equal(readFileSync(path, 'utf8'), 'three\n')
})

test('changes that come together are written once, and none is forgotten', async () => {
  const written: string[] = []
  const flies = new Map<Fly, ReturnType<typeof term>>()
  const log = { info() {}, warn() {}, error() {} }
  using state = keepStateFile({
    file: { write: async pieces => void written.push([...pieces].join('')), remove() {} },
    settings: () => SETTINGS,
    flies: () => flies,
    log,
    now: () => NOW,
  })
  for (let n = 1; n < 200; n++) {
    flies.set(`192.0.2.${n}` as Fly, term(60))
    state.touch()
  }
  for (let patience = 100; written.length === 0 && patience > 0; patience--) await sleep(20)
  assert.equal(written.length, 1)
  assert.match(written[0]!, /192\.0\.2\.199 timeout/)
})

test('over in the middle of a write that fails, it does not try again: nothing keeps the process', async () => {
  let attempts = 0
  const failing = Promise.withResolvers<void>()
  const log = { info() {}, warn() {}, error() {} }
  {
    using state = keepStateFile({
      file: {
        write() {
          attempts += 1
          return failing.promise
        },
        remove() {},
      },
      settings: () => SETTINGS,
      flies: () => [],
      log,
      now: () => NOW,
    })
    state.touch()
    for (let patience = 100; attempts === 0 && patience > 0; patience--) await sleep(20)
    assert.equal(attempts, 1)
  }
  failing.reject(new Error('read-only file system'))
  await sleep(300)
  assert.equal(attempts, 1)
})

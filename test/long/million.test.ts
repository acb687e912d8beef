/** Very many flies, once and by hand: `npm test -- test/long/million.test.ts`. What it tells is in docs/long-test.md. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { lockout } from '../history/lockouts.ts'
import { install } from '../support/daemon.ts'
import { FLIES } from '../support/length.ts'
import { askSet } from '../support/set-elements.ts'
import { makeWorld } from '../support/world.ts'

const SAMPLE = 10_000
const HOUR = 3_600_000
/** The set takes whole seconds, and a transaction takes its time. */
const TOLERANCE = 3000

test(`${FLIES} flies: all come back, with the time they have left`, async t => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  using flypaperd = install(gate, 'capture = "log"')
  const began = Date.now()
  remember(join(flypaperd.directory, 'history.db'), began)
  const started = Date.now()
  const daemon = await flypaperd.launch('start')
  await daemon.says(/trap armed/, 120_000)
  const armed = Date.now()
  const sources = [...new Set(Array.from({ length: SAMPLE }, () => Math.floor(Math.random() * FLIES)))]
  const question = { set: 'flypaper', elements: sources.map(sourceOf) }
  const isAll = ({ count, until }: Awaited<ReturnType<typeof askSet>>) =>
    (count ?? FLIES) === FLIES && Object.keys(until).length === sources.length
  let answer = await askSet(gate, question)
  for (let patience = 600; !isAll(answer) && patience > 0; patience--, await sleep(500))
    answer = await askSet(gate, question)
  const restored = Date.now()
  t.diagnostic(
    `history of ${FLIES} made in ${started - began} ms; armed ${armed - started} ms after the start`,
  )
  t.diagnostic(`all in the set ${restored - started} ms after the start at most`)
  t.diagnostic(
    `the kernel counts ${answer.count ?? 'nothing (older than 6.17)'}; of a sample of ${sources.length} at random were there: ${Object.keys(answer.until).length}`,
  )
  if (answer.count !== undefined) assert.equal(answer.count, FLIES)
  const differences = sources.map(n => Math.abs(answer.until[sourceOf(n)]! - untilOf(n, began)))
  differences.sort((one, other) => one - other)
  t.diagnostic(
    `their ends differ from the history's by ${Math.round(differences[differences.length >> 1]!)} ms in the median, ${Math.round(differences.at(-1)!)} ms at most`,
  )
  assert.ok(differences.at(-1)! <= TOLERANCE)
  const { daemon: status } = JSON.parse(await flypaperd.must('status', '--json'))
  const { Rss, Hwm } = memoryOf(status.pid)
  t.diagnostic(`the daemon has ${Rss} MB, at most it had ${Hwm} MB`)
  assert.ok(
    !(sourceOf(FLIES) in (await askSet(gate, { ...question, elements: [sourceOf(FLIES)] })).until),
    'the control',
  )
  process.kill(status.pid, 'SIGUSR2')
  assert.equal((await daemon.ended).code, 0)
})

function sourceOf(n: number): string {
  return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
}

/** From an hour to more than a day, each its own. */
function untilOf(n: number, began: number): number {
  return began + HOUR + n * 100
}

function remember(file: string, began: number): void {
  using history = openHistoryFile(file)
  for (let from = 0; from < FLIES; from += 5000)
    history.add(
      Array.from({ length: Math.min(5000, FLIES - from) }, (_, i) =>
        lockout({ source: sourceOf(from + i), since: began, until: untilOf(from + i, began) }),
      ),
    )
}

function memoryOf(pid: number): { Rss: number; Hwm: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const MB = (name: string) => Math.round(Number(new RegExp(`Vm${name}:\\s+(\\d+)`).exec(text)![1]) / 1024)
  return { Rss: MB('RSS'), Hwm: MB('HWM') }
}

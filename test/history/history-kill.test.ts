import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { SINCE, sourceOf } from './lockouts.ts'

const ADDER = join(import.meta.dirname, 'adder.ts')
/** After how many lines the adder is killed. */
const KILLS = [1, 7, 40, 150, 400]

test('SIGKILL in the middle of adds: what add() returned from is there, no batch is there in part', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'history-kill-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'history.db')
  let first = 0
  for (const lines of KILLS) {
    const said = await addUntilKilled(file, first, lines)
    using history = openHistoryFile(file)
    const rows = history.count(SINCE)
    assert.ok(said.length >= lines, 'the adder was at work')
    for (const batch of said)
      assert.ok(history.find(sourceOf(Number(batch) + 49), SINCE), `batch ${batch} is missing`)
    assert.equal(rows % 50, 0, 'a batch is there in part')
    const expected = first + said.length * 50
    assert.ok(rows === expected || rows === expected + 50, `${rows} rows, ${expected} were said`)
    first = rows
  }
})

async function addUntilKilled(file: string, first: number, lines: number): Promise<string[]> {
  const adder = spawn(process.execPath, [ADDER, file, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  adder.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > lines) adder.kill('SIGKILL')
  })
  const [, signal] = await once(adder, 'close')
  assert.equal(signal, 'SIGKILL')
  return said.split('\n').slice(0, -1)
}

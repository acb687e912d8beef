/** Adds batches of 50 lockouts for ever, and says each batch that add() has returned from. To be killed. */
import { writeSync } from 'node:fs'
import { openHistoryFile } from '../../src/system/history-file.ts'
import { batch } from './lockouts.ts'

using history = openHistoryFile(process.argv[2]!)
for (let first = Number(process.argv[3]); ; first += 50) {
  history.add(batch(first, 50))
  writeSync(1, `${first}\n`)
}

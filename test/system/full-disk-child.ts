/** Logs to standard error, a file on a small disk, which is /mnt: while that is full, and when there is room. Prints the file. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLog } from '../../src/system/log.ts'

using log = openLog({ env: {}, stdoutIsTerminal: false }, 'stderr')
try {
  writeFileSync('/mnt/filler', Buffer.alloc(1_000_000))
} catch {
  // There is not so much room.
}
for (let n = 0; n < 300; n++) log.info(`line ${n}`)
await sleep(300)
const before = readFileSync('/mnt/log').length
truncateSync('/mnt/filler', 0)
log.info('there is room')
await sleep(1500)
console.log(JSON.stringify({ before, text: readFileSync('/mnt/log', 'utf8') }))

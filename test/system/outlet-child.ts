/**
 * Offers lines to descriptor 1, which nobody reads, until none is taken any more; the file of the first argument then says how
 * many bytes were. `stop`: the parent is the terminal, and is stopped first.
 */
import { writeFileSync } from 'node:fs'
import { openOutlet } from '../../src/system/outlet.ts'

const LINE = Buffer.from(`${'x'.repeat(98)}\n\n`)
const LINES = 100_000
const QUIET_MS = 1000

const [, , result, how] = process.argv
if (how === 'stop') process.kill(process.ppid, 'SIGSTOP')
let taken = 0
const outlet = openOutlet(1, offer)
function offer(): void {
  for (let some = LINE.length; some === LINE.length && taken < LINES * LINE.length; taken += some)
    some = outlet.offer(LINE)
}
offer()
let before = -1
setInterval(() => {
  if (taken !== before) before = taken
  else {
    writeFileSync(result!, String(taken))
    process.kill(process.pid, 'SIGKILL') // A thread may wait.
  }
}, QUIET_MS)

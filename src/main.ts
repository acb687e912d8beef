/** The command line in the real world. */
import { runProgram } from './surface/cli/program.ts'
import { ignoreDebugSignal } from './system/debug-signal.ts'
import { writeBriefly, writeOut } from './system/output.ts'
import { openSystem } from './system/system.ts'

ignoreDebugSignal()
// Whoever reads our output may go away (a pipe to head): that is no reason to fail.
const gone = new AbortController()
let isHurried = false
const streams = {
  out: (text: string) => {
    if (isHurried) writeBriefly(text, 1)
    else if (!gone.signal.aborted && !writeOut(text)) gone.abort()
  },
  err: (text: string) => {
    if (isHurried) writeBriefly(text, 2)
    else process.stderr.write(text)
  },
  hurry: () => {
    isHurried = true
  },
  gone: gone.signal,
}
process.exitCode = await runProgram(process.argv.slice(2), openSystem, streams)

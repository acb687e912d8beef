/** The command line in the real world. */
import { runProgram } from './surface/cli/program.ts'
import { writeOut } from './system/output.ts'
import { openSystem } from './system/system.ts'

// Whoever reads our output may go away (a pipe to head): that is no reason to fail.
const gone = new AbortController()
const streams = {
  out: (text: string) => {
    if (!gone.signal.aborted && !writeOut(text)) gone.abort()
  },
  err: (text: string) => void process.stderr.write(text),
  gone: gone.signal,
}
process.exitCode = await runProgram(process.argv.slice(2), openSystem, streams)

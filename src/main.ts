import { runProgram } from './surface/cli/program.ts'
import { openSystem } from './system/system.ts'

const gone = new AbortController()
const streams = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
  gone: gone.signal,
}
// Whoever reads our output may go away (a pipe to head): that is no reason to fail.
process.stdout.on('error', () => gone.abort())
process.exitCode = await runProgram(process.argv.slice(2), openSystem, streams)

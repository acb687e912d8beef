/** Runs a program that has a text on standard input: no shell, little of an environment, and an end. */
import { spawn } from 'node:child_process'
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'

/** Until it and all that it has started are killed. */
export const PROGRAM_MS = 60_000

/** Rejects with a Failure. What the program writes is dropped: it may hold secrets of its own. */
export async function feedProgram(
  [program = '', ...args]: readonly string[],
  input: string,
  environment: Readonly<Record<string, string>>,
  patience = PROGRAM_MS,
): Promise<void> {
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...environment },
    stdio: ['pipe', 'ignore', 'ignore'],
    // Its own group of processes, to be killed with all that is in it.
    detached: true,
  })
  const shown = escapeText(program)
  const refusal = (what: string) => new Failure(`${shown} ${what}`, { exit: EXIT.unavailable })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    kill(child.pid)
  }, patience)
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', error =>
        reject(refusal(`cannot be started: ${(error as NodeJS.ErrnoException).code}`)),
      )
      child.on('exit', (status, signal) => {
        if (isLate) reject(refusal(`did not end within ${patience / 1000} s, and was killed`))
        else if (status === 0) resolve()
        else reject(refusal(signal === null ? `ended with exit status ${status}` : `was killed by ${signal}`))
      })
      child.stdin.on('error', () => {}) // It need not read.
      child.stdin.end(input)
    })
  } finally {
    clearTimeout(timer)
    kill(child.pid)
  }
}

/** Also what it has left behind in its group. */
function kill(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {} // Nobody is left.
}

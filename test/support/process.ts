/**
 * Child processes for tests: every wait has an end, and an end that comes too early shows the output so far.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

export interface Result {
  readonly stdout: string
  readonly stderr: string
  /** Exit status; 128 + the number of the signal when a signal ended it, as a shell says it. */
  readonly code: number
}

export interface StartOptions {
  /** Written to standard input, which is then closed; without it, standard input stays open for `write`. */
  readonly input?: string
  /** Added to this process's environment. */
  readonly env?: Record<string, string>
  readonly cwd?: string
}

export interface RunOptions extends StartOptions {
  /** Milliseconds until the process is killed and the call rejects; 30,000 unless told. */
  readonly timeout?: number
}

/** A process that runs while the test goes on. */
export interface Running {
  readonly pid: number
  /** All that it has written so far, both streams in the order of arrival. */
  output(): string
  /**
   * The match in the next line that fits, after the line that the last `says` found.
   * Rejects after `timeout` ms (10,000 unless told), and at once when the process ends without that line.
   */
  says(pattern: RegExp, timeout?: number): Promise<RegExpMatchArray>
  write(text: string): void
  closeInput(): void
  /** Sends the signal (SIGTERM unless told); rejects, and kills, when the end takes longer than `timeout` ms (10,000). */
  stop(signal?: NodeJS.Signals, timeout?: number): Promise<Result>
  /** The end of the process, however it comes. */
  readonly ended: Promise<Result>
}

// Ordinary users of Debian have no sbin in PATH, where nft and ip live.
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Runs the command to its end, whatever its exit status; rejects when it takes too long or cannot be started. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const running = await start(command, { ...options, input: options.input ?? '' })
  return await within(running.ended, (options.timeout ?? 30_000) * PATIENCE, () => {
    const late = complaint(command, 'did not end in time', running)
    process.kill(running.pid, 'SIGKILL')
    return late
  })
}

/** Standard output of a command that must succeed; rejects with everything it wrote when it does not. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options)
  if (code !== 0) throw new Error(`${command.join(' ')}: exit status ${code}\n${stdout}${stderr}`)
  return stdout
}

/** Starts the command; resolves when it was found and runs. */
export async function start(command: readonly string[], options: StartOptions = {}): Promise<Running> {
  const [program, ...args] = command
  const env = { ...process.env, PATH, ...options.env }
  const child = spawn(program!, args, { stdio: 'pipe', env, cwd: options.cwd })
  const written = transcript()
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
    written.add(text)
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
    written.add(text)
  })
  child.stdin.on('error', () => {}) // Who ends without reading its input is judged by its exit status.

  const ended = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]): Result => {
    written.end()
    return { stdout, stderr, code: Number(code ?? 128 + constants.signals[signal as NodeJS.Signals]) }
  })
  ended.catch(() => {}) // A failure to start is told by the next line.
  await once(child, 'spawn')
  if (options.input !== undefined) child.stdin.end(options.input)

  const running: Running = {
    pid: child.pid!,
    output: written.text,
    async says(pattern, timeout = 10_000) {
      const deadline = Date.now() + timeout * PATIENCE
      for (;;) {
        const match = written.next(pattern)
        if (match !== undefined) return match
        if (written.isOver()) throw complaint(command, `ended without saying ${pattern}`, running)
        const late = () => complaint(command, `did not say ${pattern} in time`, running)
        await within(written.change(), deadline - Date.now(), late)
      }
    },
    write: text => void child.stdin.write(text),
    closeInput: () => void child.stdin.end(),
    async stop(signal = 'SIGTERM', timeout = 10_000) {
      child.kill(signal)
      return await within(ended, timeout * PATIENCE, () => {
        const late = complaint(command, `did not end in time after ${signal}`, running)
        child.kill('SIGKILL')
        return late
      })
    },
    ended,
  }
  return running
}

/** Text that grows, read line by line; a line counts when it is complete or the text is over. */
function transcript() {
  const progress = new EventTarget()
  const tell = () => progress.dispatchEvent(new Event('change'))
  let text = ''
  let read = 0
  let over = false
  return {
    text: () => text,
    isOver: () => over,
    change: () => once(progress, 'change'),
    add(more: string) {
      text += more
      tell()
    },
    end() {
      over = true
      tell()
    },
    next(pattern: RegExp): RegExpMatchArray | undefined {
      for (const line of text.slice(read).matchAll(over ? /[^\n]*\n|[^\n]+$/g : /[^\n]*\n/g)) {
        const match = line[0].replace(/\r?\n$/, '').match(pattern)
        if (match === null) continue
        read += line.index + line[0].length
        return match
      }
      return undefined
    },
  }
}

/** How much slower than a real machine this one is: the time-outs of the tests are that much longer. */
export const PATIENCE = Number(process.env.FLYPAPERD_PATIENCE ?? 1)

/** Rejects with `late()` when the promise takes longer. */
export async function within<T>(promise: Promise<T>, milliseconds: number, late: () => Error): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late()), milliseconds)
  try {
    return await Promise.race([promise, end])
  } finally {
    clearTimeout(timer)
  }
}

function complaint(command: readonly string[], what: string, running: Running): Error {
  const state = stateOf(running.pid)
  return new Error(`${command.join(' ')} ${what}; ${state}; it wrote:\n${running.output() || '(nothing)'}`)
}

/** What it does just now, and how long it has worked: proc_pid_stat(5), proc_pid_wchan(5). */
function stateOf(pid: number): string {
  try {
    const after = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    const [state, user, system] = [after[0], after[11], after[12]]
    return `state ${state} in ${readFileSync(`/proc/${pid}/wchan`, 'utf8')}, ${user} + ${system} ticks of work`
  } catch {
    return 'it is gone'
  }
}

/** One context of libnftables, one thing at a time: synchronous runs, and asynchronous ones that queue up. Knows nothing of what is run. */
import { errorFrom, NftablesError } from './error.ts'
import { type Mode, type Outcome, openContext } from './libnftables.ts'

export interface Session extends Disposable {
  readonly closed: boolean
  /** Whether an asynchronous run is under way or waits. */
  readonly busy: boolean
  run(text: string, mode: Mode): string
  /** On a thread, behind those that were asked for before. */
  runAsync(text: string, mode: Mode): Promise<string>
  /** Throws what the context would, before anything is checked or made into text. */
  refuseClosed(): void
  /** A dry run of the text as a file, by whose error libnftables tells the line. Undefined where there is none, or no file can be made. */
  errorOfFile(text: string): NftablesError | undefined
}

export function openSession(library: string): Session {
  const context = openContext(library)
  let closed = false
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  async function runLater(text: string, mode: Mode, before: Promise<unknown>): Promise<string> {
    await before
    if (closed) throw closedError()
    return outputOf(await context.runAsync(text, mode))
  }

  return {
    get closed() {
      return closed
    },
    get busy() {
      return waiting > 0
    },
    refuseClosed() {
      if (closed) throw closedError()
    },
    run(text, mode) {
      if (closed) throw closedError()
      if (waiting > 0)
        throw new NftablesError('in-use', 'an asynchronous transaction is running on this nftables context')
      return outputOf(context.run(text, mode))
    },
    runAsync(text, mode) {
      waiting++
      const job = runLater(text, mode, last).finally(() => waiting--)
      last = job.catch(() => {})
      return job
    },
    errorOfFile(text) {
      const outcome = closed || waiting > 0 ? undefined : context.dryRunFile(text)
      return outcome?.failed ? errorFrom(outcome.error) : undefined
    },
    [Symbol.dispose]() {
      if (closed) return
      closed = true
      if (waiting === 0) context.free()
      else void last.then(() => context.free())
    },
  }
}

function outputOf(outcome: Outcome): string {
  if (outcome.failed) throw errorFrom(outcome.error)
  return outcome.output
}

function closedError(): NftablesError {
  return new NftablesError('closed', 'this nftables context was released')
}

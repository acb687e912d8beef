/**
 * A thread of its own for what may wait for a disk. A disk that hangs (a dead server of NFS, a frozen or suspended device) stops whatever
 * touches it, for minutes or for ever, and no signal ends that: so the event loop asks the thread, and waits for no more than a moment.
 *
 * Jobs are done in the order in which they were posted, so whoever asks sees what was written before.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Log } from '../log/log.ts'
import { type ExitStatus, Failure } from '../terms/failure.ts'
import { idleSince } from './thread-work.ts'

/** In place of an answer that has not come, or is not to be expected now. */
export const LATE = Symbol('late')

/** Where the thread tells how far it is: its numbers in the shared array. */
export const HANDLED = 0
export const HANDLED_SIZE = 1
/** Lockouts and releases that it keeps in memory itself, since the disk refuses them. */
export const REFUSED = 2
/** Those that found no room there. */
export const GONE = 3
/** By which number the kernel knows it. */
export const THREAD = 4
const NUMBERS = 5

/** What goes to the thread. */
export interface Job {
  readonly id: number
  readonly job: string
  readonly args: readonly unknown[]
  /** How much room it takes while it waits. */
  readonly size: number
}

/** What comes back: an answer to a job, a line of the log, or a signal by its name. */
export type Message =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: PortableFailure }
  | { readonly log: keyof Log; readonly line: string }
  | { readonly signal: string }

interface PortableFailure {
  readonly message: string
  readonly stack?: string | undefined
  readonly exit?: ExitStatus
  readonly hint?: string | undefined
}

export interface DiskThread {
  /** Waits so long for the answer. LATE, without asking, while an earlier job is not done. Throws what the job threw. */
  ask(job: string, args: readonly unknown[]): unknown
  /** Does not ask for an answer, but waits as long for the end of the job, unless an earlier one is not done. */
  tell(job: string, args: readonly unknown[], size?: number): void
  /** Resolves when it is done, however long that takes. */
  later(job: string, args: readonly unknown[]): Promise<unknown>
  /** The last job, whose end is waited for in any case. Tells whether it has come. */
  last(job: string): boolean
  /** Whether there was no answer within a moment, and the thread has not caught up since. */
  isLate(): boolean
  /** Since when, in milliseconds of performance.now(). */
  lateSince(): number | undefined
  /** How long it is waited for from now on. */
  waitFor(patience: Patience): void
  /** The sizes of what was told and is not done. */
  waiting(): number
  number(which: typeof REFUSED | typeof GONE): number
}

/** Milliseconds. */
export interface Patience {
  /** While nothing shows that the thread gets on. */
  readonly idle: number
  /** While it does, by its counters of processor time, reads and writes. */
  readonly busy: number
}

/** How often it is looked at whether it gets on. */
const LOOK_MS = 500
/** Who was late is not waited for again for so long: so a slow disk takes a fifth of the time at most. */
const REST_MS = 1000

export interface DiskThreadWorld {
  readonly data: Readonly<Record<string, unknown>>
  readonly log: Log
  readonly signal: (name: string) => void
  readonly caughtUp: () => void
  /** What was told, or is not waited for any more, has failed. */
  readonly failed: (why: string) => void
}

type Waiting = Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'>

export function openDiskThread(
  program: URL,
  patience: Patience,
  { data, log, signal, caughtUp, failed }: DiskThreadWorld,
): DiskThread {
  const shared = new Int32Array(new SharedArrayBuffer(4 * NUMBERS))
  const { port1: port, port2 } = new MessageChannel()
  const workerData = { ...data, shared, port: port2 }
  // Its own flags: --max-semi-space-size holds for all threads, the others are for the first one.
  // What it opens is closed here (whole-file.ts), and the number is somebody else's by the time that the thread ends.
  const options = { workerData, transferList: [port2], execArgv: [], trackUnmanagedFds: false }
  const worker = new Worker(program, options)
  const promised = new Map<number, Waiting>()
  const asked = new Map<number, Message | undefined>()
  // They go round after 2^31, as those of the thread do.
  let posted = 0
  let size = 0
  let since: number | undefined
  let restsUntil = 0
  port.on('message', take)
  port.unref()
  worker.unref()

  function take(message: Message): void {
    if ('log' in message) log[message.log](message.line)
    else if ('signal' in message) signal(message.signal)
    else {
      if (asked.has(message.id)) asked.set(message.id, message)
      const waiting = promised.get(message.id)
      if (waiting === undefined) {
        if ('failure' in message && !asked.has(message.id)) failed(message.failure.message)
        return
      }
      if ('failure' in message) waiting.reject(thrown(message.failure))
      else waiting.resolve(message.value)
      promised.delete(message.id)
    }
  }

  function drain(): void {
    for (;;) {
      const received = receiveMessageOnPort(port)
      if (received === undefined) return
      take(received.message as Message)
    }
  }

  function post(job: string, args: readonly unknown[], more = 0): number {
    posted = (posted + 1) | 0
    size = (size + more) | 0
    port.postMessage({ id: posted, job, args, size: more } satisfies Job)
    return posted
  }

  const isDone = (id: number) => ((Atomics.load(shared, HANDLED) - id) | 0) >= 0

  function wait(id: number): boolean {
    const began = performance.now()
    const idle = idleSince(() => Atomics.load(shared, THREAD))
    for (;;) {
      const handled = Atomics.load(shared, HANDLED)
      if (isDone(id)) {
        drain()
        return true
      }
      const now = performance.now()
      // Without a look for whoever has no patience for that.
      const got = patience.busy > patience.idle ? idle(now) : began
      const left = Math.min(got + patience.idle, began + patience.busy) - now
      if (left <= 0) break
      Atomics.wait(shared, HANDLED, handled, Math.min(left, LOOK_MS))
    }
    since = began
    restsUntil = performance.now() + REST_MS
    return false
  }

  function isLate(): boolean {
    if (since === undefined) return false
    if (!isDone(posted) || performance.now() < restsUntil) return true
    since = undefined
    drain()
    caughtUp()
    return since !== undefined
  }

  return {
    ask(job, args) {
      if (isLate()) return LATE
      const id = post(job, args)
      asked.set(id, undefined)
      const isInTime = wait(id)
      const found = asked.get(id)
      asked.delete(id)
      if (!isInTime || found === undefined) return LATE
      if ('failure' in found) throw thrown(found.failure)
      return 'value' in found ? found.value : undefined
    },
    tell(job, args, more = 0) {
      const late = isLate()
      const id = post(job, args, more)
      if (!late) wait(id)
    },
    last: job => wait(post(job, [])),
    later(job, args) {
      const waiting = Promise.withResolvers<unknown>()
      promised.set(post(job, args), waiting)
      return waiting.promise
    },
    isLate,
    lateSince: () => (isLate() ? since : undefined),
    waitFor(next) {
      patience = next
    },
    waiting: () => (size - Atomics.load(shared, HANDLED_SIZE)) | 0,
    number: which => Atomics.load(shared, which),
  }
}

function thrown({ message, stack, exit, hint }: PortableFailure): Error {
  if (exit !== undefined) return new Failure(message, { exit, ...(hint !== undefined && { hint }) })
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}

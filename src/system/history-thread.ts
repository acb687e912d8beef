/** The program of the thread that has the history and the directory of the state file. It does one job after the other. */
import { readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { type MessagePort, workerData } from 'node:worker_threads'
import type { TolerantHistory } from '../history/tolerant.ts'
import type { Log } from '../log/log.ts'
import { Failure } from '../terms/failure.ts'
import { GONE, HANDLED, HANDLED_SIZE, type Job, type Message, REFUSED, THREAD } from './disk-thread.ts'
import { moveAside, openLastingHistory } from './history-file.ts'
import { readNeverStore } from './never-store.ts'
import { ringFiles } from './ring-files.ts'
import { stepsOf } from './whole-file.ts'

interface Given {
  readonly historyFile: string
  readonly stateFile: string
  readonly neverFile: string
  readonly port: MessagePort
  readonly shared: Int32Array
}

const { historyFile, stateFile, neverFile, port, shared } = workerData as Given
const say = (message: Message) => port.postMessage(message)
const log: Log = {
  info: line => say({ log: 'info', line }),
  warn: line => say({ log: 'warn', line }),
  error: line => say({ log: 'error', line }),
}
Atomics.store(shared, THREAD, Number(readlinkSync('/proc/thread-self').split('/').pop()))
const files = { state: stepsOf(stateFile), never: stepsOf(neverFile) }
type Name = keyof typeof files
const ring = ringFiles(dirname(stateFile))
const cursors = new Map<number, Iterator<unknown>>()
let history: TolerantHistory | undefined
let isSyncing = false

/** Jobs that are no calls of the history. */
const JOBS: Readonly<Record<string, (...args: never[]) => unknown>> = {
  open() {
    history = openLastingHistory(historyFile, log, Date.now)
    history.onRenewed(() => say({ signal: 'renewed' }))
  },
  /** The next values of what the call gives one after the other, at most so many; fewer are the last. */
  next(cursor: number, most: number, call: string, args: readonly unknown[]) {
    const values = cursors.get(cursor) ?? begin(call, args)
    cursors.set(cursor, values)
    const next: unknown[] = []
    while (next.length < most) {
      const { done, value } = values.next()
      if (done) break
      next.push(value)
    }
    return next
  },
  forget(cursor: number) {
    cursors.get(cursor)?.return?.()
    cursors.delete(cursor)
  },
  sync() {
    // To sync is what waits longest: a thread of the pool does it, and never two.
    if (isSyncing || history === undefined) return
    isSyncing = true
    void history.sync().finally(() => {
      isSyncing = false
    })
  },
  make: (name: Name) => files[name].make(),
  finish: (name: Name, isRemoved: boolean) => files[name].finish(isRemoved),
  discard: (name: Name) => files[name].discard(),
  remove: (name: Name) => files[name].remove(),
  neverRead: () => readNeverStore(neverFile),
  neverAside: (now: number) => moveAside(neverFile, now),
  ringAppend: ring.append,
  ringPrune: ring.prune,
  ringForget: ring.forget,
  close() {
    history?.[Symbol.dispose]()
    history = undefined
  },
}

port.on('message', ({ id, job, args, size }: Job) => {
  try {
    say({ id, value: (JOBS[job] ?? call(job))(...(args as never[])) })
  } catch (error) {
    say({ id, failure: portable(error) })
  }
  const { waiting, lost } = history?.standing() ?? { waiting: 0, lost: 0 }
  Atomics.store(shared, REFUSED, waiting)
  Atomics.store(shared, GONE, lost)
  Atomics.add(shared, HANDLED_SIZE, size)
  Atomics.add(shared, HANDLED, 1)
  Atomics.notify(shared, HANDLED)
  if (job === 'close') port.close()
})

function call(name: string): (...args: never[]) => unknown {
  if (history === undefined) throw new Error(`the history is not open, and is asked to ${name}`)
  return history[name as keyof TolerantHistory] as (...args: never[]) => unknown
}

function begin(name: string, args: readonly unknown[]): Iterator<unknown> {
  const values = call(name)(...(args as never[])) as Iterable<unknown>
  return values[Symbol.iterator]()
}

function portable(error: unknown) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  return error instanceof Failure ? { message, exit: error.exit, hint: error.hint } : { message, stack }
}

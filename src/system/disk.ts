/** The state directory as the daemon has it: the history, the state file and the ring, all on a thread that may wait for their disk. */

import type { PatientForgetting } from '../history/forgetting.ts'
import type { Reading } from '../history/reading.ts'
import { type DaemonHistory, listeners, NOTES_WAITING_MAX } from '../history/tolerant.ts'
import type { NeverStore, NeverText } from '../keep/never-store.ts'
import type { WholeFile } from '../keep/state-file.ts'
import { openAlarm } from '../log/alarm.ts'
import type { Log } from '../log/log.ts'
import type { RingFiles, RingReach } from '../ring/ring.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { forgettingBy, readingBy } from './disk-reading.ts'
import { type DiskThread, GONE, LATE, openDiskThread, REFUSED } from './disk-thread.ts'
import { type StepsElsewhere, wholeFile } from './whole-file.ts'

/** The event loop waits for the history no longer than so many milliseconds at a time, ... */
export const PATIENCE_MS = 250
/** ... but while a daemon begins: a large history is looked through, or brought up to date, for as long as it gets on with that. */
const START_PATIENCE = { idle: 10_000, busy: 90_000 }
/** And at the end. */
const END_PATIENCE = { idle: 5000, busy: 20_000 }
/** A disk that is busy for a moment is nothing to be told. */
const TOLD_MS = 2000
/** Lockouts, releases and sightings that wait for a disk that hangs, at most; sightings and samples take no more than half. */
export const HANGING_MAX = 50_000
/** Values of the history that come at once. */
const AT_ONCE = 500

/** Beside this file, or beside the one file of the package (scripts/bundle.ts). */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? 'history-thread.ts' : 'history-thread.js',
  import.meta.url,
)

export interface Disk extends Disposable {
  readonly history: DaemonHistory
  readonly reading: Reading
  readonly forgetting: PatientForgetting
  readonly stateFile: WholeFile
  readonly neverStore: NeverStore
  readonly ring: RingFiles
}

export interface DiskPlaces {
  readonly historyFile: string
  readonly stateFile: string
  readonly neverFile: string
}

/**
 * Throws a Failure for a file of a newer version, and without permission. Where the disk hangs, the daemon begins as with a history that
 * knows of nobody.
 */
export function openDisk(places: DiskPlaces, log: Log, now: () => number, program = PROGRAM): Disk {
  let renewed = () => {}
  let renewals = 0
  const thread = openDiskThread(program, START_PATIENCE, {
    data: { ...places },
    log,
    signal() {
      renewals++
      renewed()
    },
    caughtUp: () => history.caughtUp(),
    failed: why => history.failed(why),
  })
  const history = lasting(thread, places.historyFile, log, now)
  thread.ask('open', [])
  return {
    history: {
      ...history.port,
      onRenewed(listener) {
        renewed = listener
        if (renewals > 0) listener()
      },
    },
    reading: history.reading,
    forgetting: history.forgetting,
    stateFile: wholeFile(stepsBy(thread, 'state')),
    neverStore: {
      read() {
        const found = thread.ask('neverRead', [])
        return found === LATE ? 'late' : (found as NeverText | undefined)
      },
      later: () => thread.later('neverRead', []) as Promise<NeverText | undefined>,
      setAside: () => thread.later('neverAside', [now()]) as Promise<string>,
      write: wholeFile(stepsBy(thread, 'never')).write,
    },
    ring: {
      append: (...args) => thread.later('ringAppend', args) as Promise<RingReach>,
      prune: (...args) => thread.later('ringPrune', args) as Promise<RingReach>,
      forget: (...args) => thread.later('ringForget', args) as Promise<number>,
    },
    [Symbol.dispose]: history.close,
  }
}

/** The thread takes them, in which the file goes by this name. */
function stepsBy(thread: DiskThread, file: 'state' | 'never'): StepsElsewhere {
  return {
    make: () => thread.later('make', [file]) as Promise<number>,
    finish: isRemoved => thread.later('finish', [file, isRemoved]) as Promise<void>,
    discard: () => thread.later('discard', [file]) as Promise<void>,
    remove: () => thread.tell('remove', [file]),
  }
}

/** Whether the thread hangs, for so long that it is worth a word. */
function openHanging(thread: DiskThread, file: string, log: Log, now: () => number) {
  const alarm = openAlarm(log, now)
  let isTold = false
  let waited = 0

  function since(): number | undefined {
    const since = thread.lateSince()
    const forMs = since === undefined ? 0 : performance.now() - since
    return forMs < TOLD_MS ? undefined : Math.round(now() - forMs)
  }

  return {
    since,
    tell(lost: number): void {
      const began = since()
      if (began === undefined) return
      isTold = true
      waited = Math.max(waited, thread.waiting())
      alarm(
        `the history hangs since ${new Date(began).toISOString()}: the disk of ${file} does not answer. Locking out goes on, ${thread.waiting()} lockouts and releases wait in memory, ${lost} found no room. Look at that disk and its mount; flypaperd needs no restart`,
      )
    },
    isOver(lost: number): void {
      if (isTold)
        log.warn(
          `the history answers again: ${waited.toLocaleString('en')} lockouts and releases came late, ${lost.toLocaleString('en')} since the start found no room and are missing`,
        )
      isTold = false
      waited = 0
    },
  }
}

/** What cannot be told to the thread in time waits for it, and is counted where it finds no room. */
function lasting(thread: DiskThread, file: string, log: Log, now: () => number) {
  const alarm = openAlarm(log, now)
  const hanging = openHanging(thread, file, log, now)
  /** The last of each key: few, however long it hangs. */
  const notes = new Map<string, string>()
  const { add: onWritten, tell: written } = listeners()
  let isRefused = false
  let notesWaiting = 0
  let lost = 0
  let bytes = 0

  /** Of a history that was opened too late to refuse the start, too. */
  const failed = (why: string) => alarm(`the history cannot be used, locking out goes on: ${why}`)

  function write(call: string, args: readonly unknown[], size: number, most = HANGING_MAX): void {
    written()
    if (thread.isLate() && thread.waiting() + size > most) lost += size
    else thread.tell(call, args, size)
  }

  function ask<T>(call: string, args: readonly unknown[], otherwise: () => T): T {
    try {
      const answer = thread.ask(call, args)
      return answer === LATE ? otherwise() : (answer as T)
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error))
      return otherwise()
    }
  }

  let cursors = 0
  function* each<T>(call: string, args: readonly unknown[], most: number, late: () => void): Generator<T> {
    const cursor = cursors++
    try {
      for (;;) {
        const values = thread.ask('next', [cursor, most, call, args])
        if (values === LATE) return late()
        yield* values as T[]
        if ((values as T[]).length < most) return
      }
    } finally {
      thread.tell('forget', [cursor])
    }
  }

  function caughtUp(): void {
    const found = [...notes]
    notes.clear()
    notesWaiting = 0
    written()
    for (const [key, value] of found) thread.tell('setMeta', [key, value])
    hanging.isOver(lost)
  }

  function note(key: string, value: string): void {
    if (thread.isLate()) {
      written()
      notes.set(key, value)
    } else thread.tell('setMeta', [key, value])
  }

  const port: Omit<DaemonHistory, 'onRenewed'> = {
    *terms(at) {
      const late = () =>
        log.error(`the history hangs: ${file} is not read to its end, and some flies are missing`)
      yield* each('terms', [at], AT_ONCE, late)
    },
    *selectPieces(filter, at) {
      yield* each('selectPieces', [filter, at], 1, () => {
        throw hangs(file)
      })
    },
    count: at => ask('count', [at], () => 0),
    knows: source => ask('knows', [source], () => false),
    getMeta: key => notes.get(key) ?? ask('getMeta', [key], () => undefined),
    bytes() {
      bytes = ask('bytes', [], () => bytes)
      return bytes
    },
    pastOf: sources => ask('pastOf', [sources], () => new Map()),
    add: lockouts => write('add', [lockouts], lockouts.length),
    prolong: (prolongations, at) => write('prolong', [prolongations, at], prolongations.length),
    release(sources, release) {
      if (sources.length > 0) write('release', [sources, release], sources.length)
      return sources.length
    },
    releaseAll(release) {
      // That everybody was freed takes no more room than one of them.
      write('releaseAll', [release], 1, Number.POSITIVE_INFINITY)
      return 0
    },
    addSightings(sightings) {
      if (sightings.length > 0) write('addSightings', [sightings], sightings.length, HANGING_MAX / 2)
    },
    addSamples(samples) {
      if (samples.length > 0) write('addSamples', [samples], samples.length, HANGING_MAX / 2)
    },
    note(note, at) {
      if (thread.isLate() && notesWaiting++ >= NOTES_WAITING_MAX) return
      write('note', [note, at], 0, Number.POSITIVE_INFINITY)
    },
    shift: ms => write('shift', [ms], 1, Number.POSITIVE_INFINITY),
    setMeta: note,
    prune: (limits, at) => ask('prune', [limits, at], () => ({ rows: 0, more: false })),
    async sync() {
      if (!thread.isLate()) thread.tell('sync', [])
    },
    neverWait() {
      thread.tell('neverWait', [])
      thread.waitFor({ idle: PATIENCE_MS, busy: PATIENCE_MS })
    },
    retry() {
      hanging.tell(lost)
      const wasRefused = isRefused
      isRefused = ask('retry', [], () => true)
      if (wasRefused && !isRefused) written()
      return isRefused
    },
    answers: () => !thread.isLate(),
    onWritten,
    standing() {
      const since = hanging.since()
      return {
        ...(since !== undefined && { hangsSince: since }),
        waiting: thread.waiting() + thread.number(REFUSED),
        lost: lost + thread.number(GONE),
      }
    },
  }

  return {
    port,
    reading: readingBy(
      thread,
      () => hangs(file),
      () => cursors++,
    ),
    forgetting: forgettingBy(thread, () => hangs(file)),
    caughtUp,
    failed,
    close() {
      thread.waitFor(END_PATIENCE)
      for (const [key, value] of notes) thread.tell('setMeta', [key, value])
      if (!thread.last('close'))
        log.error(
          `${thread.waiting()} lockouts and releases could not be written, since the disk hangs: they are missing in the history unless it answers before this process is killed`,
        )
    },
  }
}

function hangs(file: string): Failure {
  return new Failure(`the history hangs: the disk of ${file} does not answer`, {
    exit: EXIT.unavailable,
    hint: 'Look at that disk and its mount. What does not need the history works meanwhile.',
  })
}

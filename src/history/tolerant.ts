/**
 * A history that keeps nobody from locking out: what cannot be written (disk full or read-only, a damaged file) waits
 * in memory, in order, and is written as soon as it can be. What finds no room there either is counted.
 */
import type { Lockout, Prolongation, Release } from '../lockout/lockout.ts'
import { openAlarm } from '../log/alarm.ts'
import type { Log } from '../log/log.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Fly } from '../terms/fly.ts'
import type { Note } from './event-rows.ts'
import type { History } from './history.ts'

/** Lockouts and releases that wait, at most. */
export const WAITING_MAX = 50_000
/** Notes of the feed that wait beside them, at most. */
export const NOTES_WAITING_MAX = 1000

type Entry =
  | { readonly lockouts: readonly Lockout[] }
  | { readonly prolongations: readonly Prolongation[]; readonly now: number }
  | { readonly sources: readonly Fly[]; readonly release: Release }
  | { readonly releaseAll: Release }
  | { readonly note: Note; readonly now: number }

/** How it stands with the history. */
export interface Standing {
  /** Since when its disk does not answer, in milliseconds since the epoch. */
  readonly hangsSince?: number
  /** Lockouts and releases that wait in memory. */
  readonly waiting: number
  /** Those that are missing in the history for good. */
  readonly lost: number
}

/** What a running daemon does with it. */
export type DaemonHistory = Pick<
  TolerantHistory,
  | 'add'
  | 'prolong'
  | 'release'
  | 'releaseAll'
  | 'note'
  | 'addSightings'
  | 'addSamples'
  | 'shift'
  | 'prune'
  | 'setMeta'
  | 'getMeta'
  | 'terms'
  | 'selectPieces'
  | 'count'
  | 'knows'
  | 'bytes'
  | 'pastOf'
  | 'sync'
  | 'retry'
  | 'neverWait'
  | 'answers'
  | 'onWritten'
  | 'onRenewed'
  | 'standing'
>

export interface TolerantHistory extends Omit<History, 'before'> {
  /** Tries to write what waits, and tells whether some still does. To be called once a second then. */
  retry(): boolean
  /** Whether its disk answers: else whatever is asked is answered as by a history that knows of nobody. */
  answers(): boolean
  /** Calls each listener when something was written, or waits for that: there is something to sync, to retry, or to read. */
  onWritten(listener: () => void): void
  /** Called when a new history was begun, which knows of nobody; at once when that has happened already. */
  onRenewed(listener: () => void): void
  standing(): Standing
}

export interface Tolerance {
  readonly log: Log
  readonly now: () => number
  /** Whether this error says that the file is damaged. */
  readonly isDamage: (error: unknown) => boolean
  /** Moves the damaged file aside, and begins a new one. */
  readonly renew?: () => History
}

export function tolerantHistory(opened: History, { log, now, isDamage, renew }: Tolerance): TolerantHistory {
  const alarm = openAlarm(log, now)
  let history = opened
  const waiting: Entry[] = []
  let [size, late, gap] = [0, 0, 0]
  let renewed = () => {}
  const writing = listeners()
  const written = writing.tell
  let renewals = 0
  let unsynced = false
  let waits = true

  function write(entry: Entry): void {
    written()
    if (waiting.length > 0) {
      wait(entry)
      return
    }
    try {
      apply(history, entry)
      unsynced = true
    } catch (error) {
      wait(entry)
      failed(error)
    }
  }

  function wait(entry: Entry): void {
    if ('note' in entry && waiting.filter(one => 'note' in one).length >= NOTES_WAITING_MAX) return
    const more = sizeOf(entry)
    // That everybody was freed takes no more room than one of them.
    if (size + more > WAITING_MAX && !('releaseAll' in entry)) gap += more
    else {
      waiting.push(entry)
      size += more
    }
  }

  function failed(error: unknown): void {
    alarm(`the history cannot be written, locking out goes on: ${messageOf(error)}`)
    if (renew === undefined || !isDamage(error)) return
    try {
      history = renew()
      if (!waits) history.neverWait()
      renewals++
      renewed()
      retry()
    } catch (error) {
      alarm(`no new history can be begun: ${messageOf(error)}`)
    }
  }

  function retry(): boolean {
    if (waiting.length === 0) return false
    try {
      while (waiting.length > 0) {
        apply(history, waiting[0]!)
        late += sizeOf(waiting[0]!)
        size -= sizeOf(waiting[0]!)
        waiting.shift()
      }
    } catch {
      return true // It was said.
    }
    const missing =
      gap === 0 ? '' : `; ${gap.toLocaleString('en')} since the start found no room and are missing`
    log.warn(
      `the history is written again: ${late.toLocaleString('en')} lockouts and releases came late${missing}`,
    )
    late = 0
    unsynced = true
    written()
    return false
  }

  /** What can be done without. */
  function lightly<T>(act: () => T, otherwise: T): T {
    try {
      return act()
    } catch (error) {
      failed(error)
      return otherwise
    }
  }

  /** What is written later would be there again. */
  function whole(): History {
    if (retry()) throw unwritten(size)
    return history
  }

  function* readable<T>(read: (leftOut: (error: unknown) => void) => Iterable<T>): Generator<T> {
    try {
      yield* read(error => alarm(`a lockout is left out: ${messageOf(error)}`))
    } catch (error) {
      // Damage that shows only now: whoever was read is known, the others are in the kernel's sets.
      failed(error)
    }
  }

  return {
    ...asIs(() => history),
    flies: now => readable(leftOut => history.flies(now, leftOut)),
    terms: now => readable(leftOut => history.terms(now, leftOut)),
    forgetPage: (...args) => whole().forgetPage(...args),
    forgetNames: (...args) => whole().forgetNames(...args),
    scour: () => history.scour(),
    shift: ms => lightly(() => history.shift(ms), undefined),
    prune: (limits, now) => lightly(() => history.prune(limits, now), { rows: 0, more: false }),
    add: lockouts => write({ lockouts }),
    prolong: (prolongations, now) => write({ prolongations, now }),
    release(sources, release) {
      if (sources.length > 0) write({ sources, release })
      return sources.length
    },
    releaseAll(release) {
      write({ releaseAll: release })
      return 0
    },
    note: (note, now) => write({ note, now }),
    pastOf: sources => lightly(() => history.pastOf(sources), new Map()),
    setMeta: (key, value) => lightly(() => history.setMeta(key, value), undefined),
    addSightings: sightings => lightly(() => history.addSightings(sightings), undefined),
    addSamples: samples => lightly(() => history.addSamples(samples), undefined),
    async sync() {
      if (!unsynced) return
      unsynced = false
      await history.sync().catch(failed)
    },
    neverWait() {
      waits = false
      history.neverWait()
    },
    retry,
    answers: () => true,
    onWritten: writing.add,
    onRenewed(listener) {
      renewed = listener
      if (renewals > 0) listener()
    },
    standing: () => ({ waiting: size, lost: gap }),
    [Symbol.dispose]() {
      retry()
      if (size > 0)
        log.error(`${size} lockouts and releases could not be written, and are missing in the history`)
      history[Symbol.dispose]()
    },
  }
}

/** Several may want to be told. */
export function listeners(): { add(listener: () => void): void; tell(): void } {
  const all: (() => void)[] = []
  return {
    add: listener => void all.push(listener),
    tell() {
      for (const listener of all) listener()
    },
  }
}

/** What is asked of the history that there is now; whoever asks hears of its failures. */
function asIs(history: () => History) {
  return {
    find: (source, now) => history().find(source, now),
    count: now => history().count(now),
    newest: (limit, page) => history().newest(limit, page),
    knows: source => history().knows(source),
    getMeta: key => history().getMeta(key),
    sightingsOf: names => history().sightingsOf(names),
    sampleOf: names => history().sampleOf(names),
    select: (filter, now, sort) => history().select(filter, now, sort),
    selectPieces: (filter, now) => history().selectPieces(filter, now),
    selectPage: (filter, now, before) => history().selectPage(filter, now, before),
    storyPage: (names, now, before) => history().storyPage(names, now, before),
    sums: since => history().sums(since),
    sumsInPieces: since => history().sumsInPieces(since),
    bytes: () => history().bytes(),
    feedPage: (asked, now) => history().feedPage(asked, now),
  } satisfies Partial<History>
}

function apply(history: History, entry: Entry): void {
  if ('lockouts' in entry) history.add(entry.lockouts)
  else if ('prolongations' in entry) history.prolong(entry.prolongations, entry.now)
  else if ('sources' in entry) history.release(entry.sources, entry.release)
  else if ('note' in entry) history.note(entry.note, entry.now)
  else history.releaseAll(entry.releaseAll)
}

function sizeOf(entry: Entry): number {
  if ('lockouts' in entry) return entry.lockouts.length
  if ('prolongations' in entry) return entry.prolongations.length
  if ('sources' in entry) return entry.sources.length
  return 'note' in entry ? 0 : 1
}

function unwritten(waiting: number): Failure {
  return new Failure(
    `the history cannot be written, and ${waiting.toLocaleString('en')} lockouts and releases wait`,
    {
      exit: EXIT.unavailable,
      hint: 'Nothing was removed from it. The log says why it cannot be written; forget again then.',
    },
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

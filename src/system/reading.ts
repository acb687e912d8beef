/**
 * Files that the administrator names may lie where nothing answers any more: a dead server of NFS, a program that should be a file system.
 * Whoever touches them waits, for ever, and no signal ends that. So the daemon has them read by threads, and waits for none.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { NeverFiles, Settings } from '../settings/settings.ts'
import { DEFAULT_FILE } from '../settings/sources.ts'
import type { Address } from '../terms/address.ts'
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { exitNow } from './exit-now.ts'
import {
  type Answer,
  type PackedNever,
  type PackedSettings,
  unpackFailure,
  unpackNever,
  unpackSettings,
  type Wanted,
} from './reading-pack.ts'
import { idleSince } from './thread-work.ts'

/** Readings that hang, at most; what is wanted beyond that is refused. Each takes a thread, some 10 MB. */
export const HANGING_READINGS_MAX = 4
/** Settings are waited for so long without a sign that the thread gets on, and in all: less than `flypaperd reload` waits for an answer. */
export const SETTINGS_PATIENCE = { idle: 10_000, busy: 25_000 }
const LOOK_MS = 250
/** Whose lists are looked at every minute keeps his thread. */
const KEPT_MS = 150_000

/** Beside this file, or beside the one file of the package (scripts/bundle.ts). */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? 'reading-thread.ts' : 'reading-thread.js',
  import.meta.url,
)

export interface FilesApart {
  /** What the daemon wants of the files of never_files. */
  readonly neverFiles: {
    version(named: readonly string[]): Promise<Version>
    read(named: readonly string[]): Promise<NeverFiles>
  }
  /** The name servers of such files (resolv.conf(5)); `at` is the file that was touched last. */
  resolvers(files: readonly string[]): {
    readonly value: Promise<readonly Address[]>
    at(): string | undefined
  }
  /** `isSettled`: once nobody is writing them any more. Rejects with a Failure for what is wrong in them, and (69) where they hang. */
  settings(file: string | undefined, isSettled: boolean): Promise<Settings>
}

interface Version {
  readonly version: string
  readonly written: number
}

interface Reading {
  readonly value: Promise<unknown>
  /** The file that it touched last. */
  at(): string | undefined
  /** By which number the kernel knows its thread. */
  thread(): number
}

interface Thread extends Reading {
  ask(wanted: Wanted): Promise<unknown>
  end(): void
}

export function readApart(program = PROGRAM, patience = SETTINGS_PATIENCE): FilesApart {
  const read = openReadings(program)
  return {
    neverFiles: {
      version: named => read({ read: 'version', named }).value as Promise<Version>,
      read: async named => unpackNever((await read({ read: 'lists', named }).value) as PackedNever),
    },
    resolvers(files) {
      const { value, at } = read({ read: 'resolvers', files })
      return { value: value as Promise<readonly Address[]>, at }
    },
    async settings(file, isSettled) {
      const reading = read({ read: 'settings', file, isSettled })
      const packed = await inTime(reading, patience, file ?? DEFAULT_FILE)
      return unpackSettings(packed as PackedSettings)
    },
  }
}

/** Readings of this process that have not ended. */
let going = 0

function openReadings(program: URL): (wanted: Wanted) => Reading {
  let kept: Thread | undefined
  let keeping: NodeJS.Timeout | undefined

  function thread(): Thread {
    const found = kept ?? openThread(program)
    kept = undefined
    clearTimeout(keeping)
    return found
  }

  function give(back: Thread): void {
    kept = back
    keeping = setTimeout(() => {
      kept = undefined
      back.end()
    }, KEPT_MS).unref()
  }

  return wanted => {
    if (going >= HANGING_READINGS_MAX) {
      const value = Promise.reject(hangs('what was to be read before'))
      return { value, at: () => undefined, thread: () => 0 }
    }
    const taken = thread()
    going++
    const value = taken.ask(wanted).finally(() => {
      going--
      // To read much leaves much garbage behind.
      if (wanted.read === 'version' && kept === undefined) give(taken)
      else taken.end()
    })
    return { value, at: taken.at, thread: taken.thread }
  }
}

let isWatchingEnd = false

/** The end of a process waits for its threads: not for these, of which nothing is wanted any more. */
function watchEnd(): void {
  if (isWatchingEnd) return
  isWatchingEnd = true
  process.on('exit', code => {
    if (going > 0) exitNow(code)
  })
}

function openThread(program: URL): Thread {
  watchEnd()
  const { port1: port, port2 } = new MessageChannel()
  const worker = new Worker(program, { workerData: port2, transferList: [port2], execArgv: [] })
  let [thread, at] = [0, undefined as string | undefined]
  let asked = Promise.withResolvers<unknown>()
  port.on('message', (answer: Answer) => {
    if ('thread' in answer) thread = answer.thread
    else if ('at' in answer) at = answer.at
    else if ('failure' in answer) asked.reject(unpackFailure(answer.failure))
    else asked.resolve(answer.value)
  })
  worker.on('error', error => asked.reject(error))
  port.unref()
  worker.unref()
  return {
    get value() {
      return asked.promise
    },
    at: () => at,
    thread: () => thread,
    ask(wanted) {
      asked = Promise.withResolvers()
      port.postMessage(wanted)
      return asked.promise
    },
    end: () => void worker.terminate(),
  }
}

/** What the reading gives, unless nothing shows any more that it gets on. */
async function inTime(
  { value, at, thread }: Reading,
  patience: typeof SETTINGS_PATIENCE,
  file: string,
): Promise<unknown> {
  const began = performance.now()
  const idle = idleSince(thread)
  const answered = value.then(() => true)
  answered.catch(() => {}) // Whoever waits below is told, and nobody after that.
  for (;;) {
    if (await Promise.race([answered, sleep(LOOK_MS, false)])) return value
    const now = performance.now()
    if (now - idle(now) >= patience.idle || now - began >= patience.busy) throw hangs(at() ?? file)
  }
}

function hangs(what: string): Failure {
  return new Failure(`the settings cannot be read: ${escapeText(what)} does not answer`, {
    exit: EXIT.unavailable,
    hint: 'Look at its disk and its mount. Nothing was changed: a trap that is armed stays so.',
  })
}

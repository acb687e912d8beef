/** The events of a daemon that comes and goes: whoever reads them is away now and then, and so is the daemon. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT, Failure } from '../../terms/failure.ts'
import { reachDaemon } from './client.ts'
import { HEARTBEAT_MS } from './followers.ts'
import type { EventLine } from './protocol.ts'

export interface FollowOptions {
  /** The control socket; where it is not for us, the socket of another role beside it is taken. */
  readonly socket: string
  /** `start`, `now`, or the id of the last line that was dealt with. */
  readonly after: string
  readonly signal: AbortSignal
  /** Told once when the daemon cannot be followed, and why; undefined: it can again. */
  readonly away?: (why: Error | undefined) => void
}

/** Milliseconds until the daemon is tried again, at first and at most: it doubles. */
export const PAUSE_MS = { first: 500, most: 30_000 }
/** Whoever has said nothing for so long, not even that there is nothing, is gone. */
export const SILENT_MS = 3 * HEARTBEAT_MS

/** What will not be otherwise by itself: the id is none, or this is not for us. */
const FINAL: ReadonlySet<number> = new Set([EXIT.usage, EXIT.noPermission])

/**
 * Every line behind `after`, heartbeats too, until the signal is given. Whenever the daemon ends, or does not answer, it is asked again with the
 * last id, so that nothing is missing and nothing comes twice. Throws a Failure: 64 for an `after` that is none, 77 without permission.
 */
export async function* followEvents({
  socket,
  after,
  signal,
  away = () => {},
}: FollowOptions): AsyncGenerator<EventLine, void, undefined> {
  let last = after
  let pause = PAUSE_MS.first
  let isAway = false
  while (!signal.aborted) {
    let why: Error = new Failure('flypaperd is not running', { exit: EXIT.notRunning })
    using silence = openSilence(signal)
    try {
      const daemon = await reachDaemon(socket, 'events')
      for await (const event of daemon?.events(silence.signal, last) ?? []) {
        silence.broken()
        if (isAway) away(undefined)
        isAway = false
        pause = PAUSE_MS.first
        last = event.id ?? last
        yield event
        silence.broken()
      }
      if (daemon !== undefined) why = new Failure('the daemon has ended', { exit: EXIT.notRunning })
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Failure && FINAL.has(error.exit)) throw error
      why = error as Error
    }
    if (signal.aborted) return
    if (!isAway) away(why)
    isAway = true
    await sleep(pause, undefined, { signal }).catch(() => {})
    pause = Math.min(pause * 2, PAUSE_MS.most)
  }
}

/** Gives up after a time in which nothing came, or when the signal is given. */
function openSilence(signal: AbortSignal) {
  const given = new AbortController()
  const abort = () => given.abort(new Error('the daemon says nothing'))
  let timer = setTimeout(abort, SILENT_MS)
  signal.addEventListener('abort', abort)
  return {
    signal: given.signal,
    broken() {
      clearTimeout(timer)
      timer = setTimeout(abort, SILENT_MS)
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      given.abort()
    },
  }
}

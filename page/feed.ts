/**
 * What happens, without a gap or with one that is told: where the daemon's events can be asked for from an event on (`after`), they are;
 * where it is an older one, whoever was away is told so by `gap`, and looks at all of it again.
 */
import type { Transport } from './transport.ts'

/** One line of the events; each has more. */
export interface FeedEvent {
  readonly event: string
  readonly at: string
  readonly text: string
  readonly id?: string
  readonly [fact: string]: unknown
}

export interface Followed {
  take(event: FeedEvent): void
  /** The daemon answers; or it does not, with the status that was the answer instead. */
  isThere(there: boolean, status?: number): void
}

const WAITS_MS = [500, 1000, 2000, 5000]
/** More than the time between two signs of life, from a daemon that gives them. */
const SILENCE_MS = 45_000

/** Follows until the signal is given. Rejects never. */
export async function follow(by: Transport, to: Followed, state: State, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await followOnce(by, to, state, signal)
    if (signal.aborted) return
    to.isThere(false, status)
    const wait = WAITS_MS[Math.min(state.tries++, WAITS_MS.length - 1)]
    await new Promise(resolve => setTimeout(resolve, wait))
  }
}

/** How far it has come; whoever follows anew goes on with it. */
export interface State {
  /** The event from which on is asked; `now` as long as the daemon has named none. */
  after: string
  wasThere: boolean
  tries: number
}

/** Until the answer ends, or nothing is heard of it any more. Resolves to its status; 0 where nothing answered. */
async function followOnce(by: Transport, { take, isThere }: Followed, state: State, signal: AbortSignal) {
  const { after } = state
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  signal.addEventListener('abort', stop)
  let silence: ReturnType<typeof setTimeout> | undefined
  const begun = () => {
    if (signal.aborted) return
    // Whoever cannot ask for what was meanwhile has missed it.
    if (state.wasThere && after === 'now') take({ event: 'gap', at: new Date().toISOString(), text: '' })
    state.wasThere = true
    state.tries = 0
    isThere(true)
  }
  const line = (text: string) => {
    if (signal.aborted) return
    const event = JSON.parse(text) as FeedEvent
    if (event.id !== undefined) {
      state.after = event.id
      clearTimeout(silence)
      silence = setTimeout(stop, SILENCE_MS)
    }
    if (event.event !== 'heartbeat') take(event)
  }
  try {
    return await by.lines(`/v1/events?after=${encodeURIComponent(after)}`, { begun, line }, stopping.signal)
  } catch {
    return 0 // It has gone: the same as an end.
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', stop)
  }
}

/**
 * Those who read the events from the history: each has a position there and one page on its way, and the next is read when that has gone.
 * So whoever is slow costs a page, however much happens meanwhile (docs/decisions/0077-a-feed-that-can-be-resumed.md).
 */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { jsonText } from '../../terms/escape.ts'
import type { EventLine, Feed } from './protocol.ts'
import { oneAfterAnother, rested, sharedBy } from './turns.ts'

/** Milliseconds without a line until one says that there is none. */
export const HEARTBEAT_MS = 15_000
/** Who was let go is told no more often. */
export const SPARED_MS = 10_000
/** Whoever has not read a page for so long is hung up on: he asks again with the last id that he has. */
export const READ_MS = 60_000
/** What is written in so short a time is told at once. */
export const GATHERED_MS = 100
/** A history that does not answer is asked again after so long. */
export const RETRY_MS = 1000

/** Milliseconds of each of these. */
export type Pace = Readonly<Record<'heartbeat' | 'spared' | 'read' | 'retry', number>>
const PACE: Pace = { heartbeat: HEARTBEAT_MS, spared: SPARED_MS, read: READ_MS, retry: RETRY_MS }

export interface Followers {
  count(): number
  /** How to follow from there on: what is written to the stream. */
  from(after: string): (stream: Writable) => void
  /** Tells what there still is, and ends all of them. */
  end(): void
}

/** Rings when there may be news, or when it is time. */
interface Bell {
  ring(): void
  /** It has not rung since then. */
  still(): void
  waits(ms: number): Promise<void>
}

export function openFollowers(feed: Feed, pace = PACE): Followers {
  const bells = new Set<Bell>()
  // Those who are at the same place read the same page.
  const pages = sharedBy(oneAfterAnother())
  let waking: NodeJS.Timeout | undefined
  let isListening = false
  let isEnding = false

  function ring(): void {
    waking = undefined
    for (const bell of bells) bell.ring()
  }

  function listen(): void {
    if (isListening) return
    isListening = true
    feed.onNews(() => {
      if (bells.size > 0) waking ??= setTimeout(ring, GATHERED_MS).unref()
    })
  }

  async function follow(stream: Writable, after: string, bell: Bell): Promise<void> {
    let position = after
    let [toldAt, sparedAt] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
    while (!stream.destroyed) {
      bell.still()
      const began = performance.now()
      const spared = began - sparedAt >= pace.spared
      const page = await pages(`${position} ${spared}`, () =>
        rested(() => feed.page(position, spared)),
      ).catch(() => undefined)
      if (page !== undefined) {
        position = page.next
        if (spared && page.isEnd) sparedAt = began
        if (page.lines.length > 0) {
          if (!(await isRead(stream, `${page.lines.join('\n')}\n`, pace.read))) return
          toldAt = performance.now()
        }
        if (!page.isEnd) continue
      }
      if (isEnding) return void stream.end()
      if (performance.now() - toldAt >= pace.heartbeat) {
        if (!(await isRead(stream, heartbeat(position), pace.read))) return
        toldAt = performance.now()
      }
      const next = Math.min(toldAt + pace.heartbeat, sparedAt + pace.spared) - performance.now()
      await bell.waits(page === undefined ? pace.retry : Math.max(0, next))
    }
  }

  return {
    count: () => bells.size,
    from: after => stream => {
      listen()
      const bell = openBell()
      bells.add(bell)
      stream.once('close', () => {
        bells.delete(bell)
        bell.ring()
      })
      void follow(stream, after, bell)
    },
    end() {
      isEnding = true
      clearTimeout(waking)
      ring()
    },
  }
}

/** So that whoever follows has an id from the first, and knows that the daemon lives. */
function heartbeat(id: string): string {
  const line: EventLine = {
    id,
    at: new Date().toISOString(),
    event: 'heartbeat',
    text: 'nothing else to tell',
  }
  return `${jsonText(line)}\n`
}

/** Resolves when the stream has room for more; to false when it has ended, by itself or since nobody has read it for so long. */
async function isRead(stream: Writable, text: string, ms: number): Promise<boolean> {
  if (stream.destroyed) return false
  if (stream.write(text)) return true
  const given = new AbortController()
  const timer = setTimeout(() => stream.destroy(), ms)
  const { signal } = given
  try {
    await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })])
    return !stream.destroyed
  } catch {
    return false
  } finally {
    clearTimeout(timer)
    given.abort()
  }
}

function openBell(): Bell {
  let hasRung = false
  let heard = () => {}
  return {
    ring() {
      hasRung = true
      heard()
    },
    still() {
      hasRung = false
    },
    async waits(ms) {
      if (hasRung) return
      const rung = Promise.withResolvers<void>()
      heard = rung.resolve
      const timer = setTimeout(rung.resolve, ms)
      await rung.promise
      clearTimeout(timer)
    },
  }
}

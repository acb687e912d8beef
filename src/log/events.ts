/** Each event is told once: to the log as a sentence, and to whoever watches as one line of JSON. */
import { jsonText } from '../terms/escape.ts'
import { limitLines } from './limit.ts'
import type { Log } from './log.ts'
import { type Event, facts, sentence } from './sentence.ts'

export interface Events extends Disposable {
  tell(event: Event): void
  /** Calls the listener with the line of each event, without its end, until disposed of. */
  watch(listener: (line: string) => void): Disposable
}

/** Who was let go, to whom nothing was done, and who goes on trying, of whom minutely.ts tells how many. */
function isForWatchers(event: Event): boolean {
  return event.event === 'spared' || (event.event === 'prolong' && event.prolongation.by === undefined)
}

/** What the feed tells beside lockouts and their ends, which the history has by itself (history/feed.ts). */
const NOTED: ReadonlySet<Event['event']> = new Set(['armed', 'disarmed', 'rearmed', 'paused', 'resumed'])

/** `noted` is given those of them that are to be remembered. */
export function openEvents(log: Log, now: () => number, noted: (event: Event) => void = () => {}): Events {
  const lines = limitLines<Event>(event =>
    typeof event === 'string' ? log.info(event) : log.info(sentence(event), facts(event)),
  )
  const listeners = new Set<(line: string) => void>()
  return {
    tell(event) {
      // They come by the thousand: only whoever watches wants to know of each.
      if (!isForWatchers(event)) lines.write(() => event)
      if (NOTED.has(event.event)) noted(event)
      if (listeners.size === 0) return
      const at = new Date(now()).toISOString()
      const line = jsonText({ at, ...facts(event), text: sentence(event) })
      for (const listener of listeners) listener(line)
    },
    watch(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    [Symbol.dispose]: () => lines[Symbol.dispose](),
  }
}

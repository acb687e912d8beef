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

export function openEvents(log: Log, now: () => number): Events {
  const lines = limitLines<Event>(event =>
    typeof event === 'string' ? log.info(event) : log.info(sentence(event), facts(event)),
  )
  const listeners = new Set<(line: string) => void>()
  return {
    tell(event) {
      // Those who were let go come by the thousand, and nothing was done to them: only whoever watches wants to know.
      if (event.event !== 'spared') lines.write(() => event)
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

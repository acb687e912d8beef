/** What takes long is done one after the other, with a turn of the event loop between two: packets and signs of life have theirs. */
import { setImmediate as turn } from 'node:timers/promises'

/** Runs the work when all that was given before is done, whatever came of it. */
export type Queue = <T>(work: () => Promise<T>) => Promise<T>

export function oneAfterAnother(): Queue {
  let last: Promise<unknown> = Promise.resolve()
  return async work => {
    const before = last
    const done = before.then(() => turn()).then(work)
    last = done.catch(() => {})
    return done
  }
}

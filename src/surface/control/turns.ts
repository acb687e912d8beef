/** What takes long is done one after the other, with a turn of the event loop between two: packets and signs of life have theirs. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

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

/**
 * Runs the work of that name; whoever asks for one that has not begun gets what it will find, which is as new as his own would be.
 * What has no name is shared with nobody.
 */
export type Shared = <T>(name: string | undefined, work: () => Promise<T>) => Promise<T>

export function sharedBy(queue: Queue): Shared {
  const waiting = new Map<string, Promise<unknown>>()
  return <T>(name: string | undefined, work: () => Promise<T>) => {
    if (name === undefined) return queue(work)
    const same = waiting.get(name)
    if (same !== undefined) return same as Promise<T>
    const answer = queue(() => {
      waiting.delete(name)
      return work()
    })
    waiting.set(name, answer)
    return answer
  }
}

/** After a piece of reading the thread that did it is left to others for as long as that took. */
export async function rested<T>(work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const found = await work()
  await sleep(performance.now() - began)
  return found
}

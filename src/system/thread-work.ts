/** Whether a thread of this process gets on. */
import { readFileSync } from 'node:fs'

/**
 * Tells since when the thread has done nothing, in the time of performance.now(). Its number is 0 until it has said it: so long it begins,
 * and has touched nothing that could hang, however long that takes where the processors are others'.
 */
export function idleSince(thread: () => number): (now: number) => number {
  let [done, since] = ['', performance.now()]
  return now => {
    const number = thread()
    const doneNow = number === 0 ? '' : doneBy(number)
    if (number === 0 || doneNow !== done) [done, since] = [doneNow, now]
    return since
  }
}

/** What the thread has done so far: another text as soon as it does anything. Both files are those of proc(5). */
function doneBy(thread: number): string {
  const read = (name: string) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/${name}`, 'utf8')
    } catch {
      return '' // Whoever cannot see it takes it for idle.
    }
  }
  return read('stat') + read('io')
}

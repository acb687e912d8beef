/** A capture that is replaced goes a little later: packets are on their way to it. */
import type { Capture } from './capture.ts'

/** What the kernel has handed over before the rules changed is read by then. */
const LATER_MS = 1000

type Retired = Pick<Capture, 'counts'> & Disposable

/** After that time, and not while packets wait in it; at the latest when this is disposed of. */
export function retirement(): Disposable & { retire(old: Retired): void } {
  const retired = new Map<Retired, NodeJS.Timeout>()
  const retire = (old: Retired) => void retired.set(old, setTimeout(endIfEmpty, LATER_MS, old).unref())
  const endIfEmpty = (old: Retired) => (old.counts().waiting > 0 ? retire(old) : end(old))
  const end = (old: Retired) => {
    clearTimeout(retired.get(old))
    if (retired.delete(old)) old[Symbol.dispose]()
  }
  return {
    retire,
    [Symbol.dispose]: () => [...retired.keys()].forEach(end),
  }
}

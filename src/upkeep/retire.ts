/** What is replaced while packets are on their way to it goes a little later. */

/** What the kernel has handed over before the rules changed is read by then. */
const LATER_MS = 1000

export function retirement(): Disposable & { retire(old: Disposable): void } {
  const retired = new Map<Disposable, NodeJS.Timeout>()
  const end = (old: Disposable) => {
    clearTimeout(retired.get(old))
    if (retired.delete(old)) old[Symbol.dispose]()
  }
  return {
    retire: old => void retired.set(old, setTimeout(end, LATER_MS, old).unref()),
    [Symbol.dispose]: () => [...retired.keys()].forEach(end),
  }
}

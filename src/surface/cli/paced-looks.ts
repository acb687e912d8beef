/** When this machine is looked at again: once a minute, and when a route changes, but a router with a million routes that never rest is not read all the time. */

/** Several changes of routes come at once, when an interface comes or goes. */
const SETTLE_MS = 200
/** To read this machine again because something has changed takes one part of the time in so many. */
const REST = 20

export interface PacedLooks extends Disposable {
  /** Looks now; while a look goes on, once more after it. */
  now(): void
  /** Looks when what changes has settled; whoever asks meanwhile means the same look. */
  soon(): void
}

/** What a look is: this machine is read, which may take long, and then acted upon, unless all is over. Neither throws. */
export interface Look {
  read(): Promise<void>
  act(): Promise<void>
}

export function pacedLooks({ read, act }: Look): PacedLooks {
  let isLooking = false
  let isAskedAgain = false
  let isOver = false
  let settling: NodeJS.Timeout | undefined
  let restsUntil = 0

  async function now(): Promise<void> {
    if (isLooking) {
      isAskedAgain = true
      return
    }
    isLooking = true
    isAskedAgain = false
    const began = performance.now()
    await read()
    const ended = performance.now()
    restsUntil = ended + REST * (ended - began)
    if (!isOver) await act()
    isLooking = false
    if (isAskedAgain) soon()
  }

  function soon(): void {
    if (isOver) return
    const wait = Math.max(SETTLE_MS, restsUntil - performance.now())
    settling ??= setTimeout(() => {
      settling = undefined
      void now()
    }, wait)
  }

  return {
    now: () => void now(),
    soon,
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(settling)
    },
  }
}

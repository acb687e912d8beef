/** Work that waits for a second while there is some, and for ever while there is none: an idle daemon is not woken. */

const SECOND_MS = 1000

/** Disposing of it does what is still to be done. */
export interface Debounce extends Disposable {
  /** There is something to do. */
  begin(): void
  /** Does it now. */
  now(): void
}

/** `work` tells whether more is left for the next second. What it throws is said, and ends it until it begins anew. */
export function debounce(work: () => boolean, failed: (error: unknown) => void): Debounce {
  let timer: NodeJS.Timeout | undefined
  let isDue = false
  let isOver = false

  function begin(): void {
    isDue = true
    if (!isOver) timer ??= setTimeout(now, SECOND_MS)
  }

  function now(): void {
    clearTimeout(timer)
    timer = undefined
    try {
      isDue = work()
      if (isDue) begin()
    } catch (error) {
      failed(error)
    }
  }

  return {
    begin,
    now,
    [Symbol.dispose]() {
      isOver = true
      if (isDue) now()
    },
  }
}

/** At most so many lines a second, and an honest word about the others: `and 9,812 more in the last second`. */

/** Lockouts by the thousand would fill the disk with a log that nobody reads; the history has them all. */
export const LINES_A_SECOND = 1024

/** Disposing of it says what is still to be said. */
export interface LimitedLines<T> extends Disposable {
  /** The line is only made when it is written. */
  write(line: () => T): void
}

export function limitLines<T>(write: (line: T | string) => void): LimitedLines<T> {
  let written = 0
  let more = 0
  let second: NodeJS.Timeout | undefined

  function settle(): void {
    clearTimeout(second)
    second = undefined
    if (more > 0) write(`and ${more.toLocaleString('en')} more in the last second`)
    written = more = 0
  }

  return {
    write(line) {
      second ??= setTimeout(settle, 1000).unref()
      if (written++ < LINES_A_SECOND) write(line())
      else more++
    },
    [Symbol.dispose]: settle,
  }
}

/** When nobody has looked for long enough that the process may end. */

export interface Idle extends Disposable {
  /** Somebody does. */
  looked(): void
  readonly isIdle: Promise<void>
}

/** Looks ten times in `ms` whether somebody is connected: who follows the events is, and asks for nothing. */
export function watchIdle(connections: () => Promise<number>, now: () => number, ms: number): Idle {
  const idle = Promise.withResolvers<void>()
  let last = now()
  const looked = () => {
    last = now()
  }
  const timer = setInterval(async () => {
    if ((await connections()) > 0) looked()
    else if (now() - last >= ms) idle.resolve()
  }, ms / 10)
  return { looked, isIdle: idle.promise, [Symbol.dispose]: () => clearInterval(timer) }
}

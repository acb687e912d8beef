/** The text of the counters, put together once a second however many read it. */

/** Seconds for which a text is told again. */
export const TEXT_SECONDS = 1

/** `clock` tells seconds. What fails is not tried again sooner, either. */
export function cachedText(make: () => Promise<string>, clock: () => number): () => Promise<Uint8Array> {
  let made: Promise<Uint8Array> | undefined
  let madeAt = Number.NEGATIVE_INFINITY
  return () => {
    if (made !== undefined && clock() - madeAt < TEXT_SECONDS) return made
    madeAt = clock()
    made = make().then(text => Buffer.from(text))
    return made
  }
}

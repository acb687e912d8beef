/** How long the tests are that gain by being long: short in CI, longer by hand. */

/** Seconds of test/long/long.test.ts. */
export const LONG_SECONDS = Number(process.env.FLYPAPERD_LONG_SECONDS ?? 60)
/** How often test/kernel/lasting.test.ts kills the daemon in a flood. */
export const KILLS = Number(process.env.FLYPAPERD_KILLS ?? 12)
/** How often test/kernel/flush-ruleset.test.ts flushes the ruleset, once a second. */
export const FLUSHES = Number(process.env.FLYPAPERD_FLUSHES ?? 8)
/** How many come back in test/long/million.test.ts, which is run by hand only. */
export const FLIES = Number(process.env.FLYPAPERD_FLIES ?? 1_000_000)
/** Milliseconds that a test may take because of that. */
export const LENGTH_MS = LONG_SECONDS * 1000 + KILLS * 5000 + FLUSHES * 5000

/** SIGUSR1, on which Node opens a port to its debugger, to every local user. */

/**
 * Node does not listen to the signal any more once somebody else does. Until then, in the milliseconds in which it starts, only
 * its option `--disable-sigusr1` helps.
 */
export function ignoreDebugSignal(): void {
  process.on('SIGUSR1', () => {})
}

const NOTHING = new Int32Array(new SharedArrayBuffer(4))

/** Does nothing for so long; nor does anything else of this program. */
export function pause(milliseconds: number): void {
  Atomics.wait(NOTHING, 0, 0, milliseconds)
}

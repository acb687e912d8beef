/** An end that waits for no thread. */
import koffi from 'koffi'

/** _exit(2), which ends all threads with the process; who waits in a call that no signal ends is left to the kernel. */
export function exitNow(status: number): void {
  koffi.load(null).func('void _exit(int status)')(status)
}

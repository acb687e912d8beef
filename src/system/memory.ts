/** How the C library deals with memory that is freed: V8's compiler, SQLite and libnftables take theirs from it. */
import koffi from 'koffi'

/** Of mallopt(3). */
const M_MMAP_THRESHOLD = -3
/** What it starts with. */
const BYTES = 128 * 1024

/**
 * What is this large or larger goes back to the kernel when it is freed. By itself glibc learns from each such block that
 * is freed to keep those as large, of up to 32 MB, and then a start left 5 to 15 MB of holes. Other C libraries have no such habit.
 */
export function giveBackLargeBlocks(): void {
  try {
    koffi.load(null).func('int mallopt(int param, int value)')(M_MMAP_THRESHOLD, BYTES)
  } catch {
    // Not glibc.
  }
}

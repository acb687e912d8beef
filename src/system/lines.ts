/**
 * The lines of files whose size others choose: tables under /proc, which grow with sockets and services, and lists of administrators. However
 * long a file is, one piece of it is in memory; none is taken for empty because it is long.
 */
import { closeSync, openSync, readSync } from 'node:fs'

const PIECE = 64 * 1024
/** A file that does not end, such as /dev/zero, is left here. /proc/net/tcp has this size with 1.7 million sockets. */
export const LINES_BYTES_MAX = 268_435_456
/** What is longer than this is no line of such a file. */
const LINE_MAX = 64 * 1024

/** Bytes are characters: what is not ASCII stands in comments and names, and must not hide the other lines. Nothing of a file that cannot be read. */
export function* linesOf(path: string): Generator<string, void, void> {
  const file = opened(path)
  if (file === undefined) return
  try {
    const bytes = Buffer.alloc(PIECE)
    let rest = ''
    for (let total = 0; total < LINES_BYTES_MAX; ) {
      const read = readSync(file, bytes, 0, PIECE, null)
      total += read
      if (read === 0) break
      const lines = (rest + bytes.toString('latin1', 0, read)).split('\n')
      rest = lines.pop()!.slice(0, LINE_MAX)
      yield* lines
    }
    if (rest !== '') yield rest
  } catch (error) {
    if (!isErrno(error)) throw error
  } finally {
    closeSync(file)
  }
}

/** Whether there is something to be read. */
export function isReadable(path: string): boolean {
  const file = opened(path)
  if (file !== undefined) closeSync(file)
  return file !== undefined
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

function isErrno(error: unknown): boolean {
  return error instanceof Error && 'errno' in error
}

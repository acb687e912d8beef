/** Small text files, read whole and with a limit: a wrong path such as /dev/zero ends in a sentence. */
import { closeSync, openSync, readSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import type { TextFile, Unreadable } from '../settings/sources.ts'

export const MOST_BYTES = 1024 * 1024
const STDIN = 0

/** The text of a file (`-`: standard input) in UTF-8, without a byte order mark, or why there is none. Never throws. */
export function readText(path: string, most = MOST_BYTES): TextFile {
  try {
    const bytes = readBytes(path, most)
    if (bytes.length > most) return { unreadable: 'other', because: `more than ${most} bytes` }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    return whyUnreadable(error)
  }
}

/** One byte more than the limit is enough to know; pipes are read to their end as well. */
function readBytes(path: string, most: number): Uint8Array {
  const file = path === '-' ? STDIN : openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(most + 1)
    let length = 0
    let read: number
    do {
      read = readSync(file, bytes, length, bytes.length - length, null)
      length += read
    } while (read > 0 && length < bytes.length)
    return bytes.subarray(0, length)
  } finally {
    if (file !== STDIN) closeSync(file)
  }
}

/** An error of node:fs in words. */
export function whyUnreadable(thrown: unknown): Unreadable {
  const error = thrown as NodeJS.ErrnoException
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { unreadable: 'missing', because: 'there is no such file' }
    case 'EACCES':
    case 'EPERM':
      return { unreadable: 'forbidden', because: 'permission denied' }
    case 'EISDIR':
      return { unreadable: 'other', because: 'it is a directory' }
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return { unreadable: 'other', because: 'it is not text in UTF-8' }
    default:
      return {
        unreadable: 'other',
        because: error.errno ? getSystemErrorMessage(error.errno) : error.message,
      }
  }
}

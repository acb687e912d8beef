/** Small text files, read whole and with a limit: a wrong path such as /dev/zero ends in a sentence. */
import { closeSync, openSync, readSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import type { TextFile, Unreadable } from '../settings/sources.ts'

export const MOST_BYTES = 1024 * 1024
/** What others write may be longer: an environment has as much as the limit of the stack allows, 2 MB unless it was raised. */
export const FOREIGN_BYTES = 64 * 1024 * 1024
/** Of a capture file; the rest is not read. */
export const BINARY_BYTES_MAX = 134_217_728
const STDIN = 0
const PIECE = 64 * 1024

/** The text of a file (`-`: standard input) in UTF-8, without a byte order mark, or why there is none. Never throws. */
export function readText(path: string, most = MOST_BYTES): TextFile {
  return read(path, most, bytes => new TextDecoder('utf-8', { fatal: true }).decode(bytes))
}

/** The same of what others write, in whatever encoding: each byte is a character. */
export function readForeign(path: string, most = FOREIGN_BYTES): TextFile {
  return read(path, most, bytes => bytes.toString('latin1'))
}

function read(path: string, most: number, decode: (bytes: Buffer) => string): TextFile {
  try {
    const bytes = readBytes(path, most)
    if (bytes.length > most) return { unreadable: 'other', because: `more than ${most} bytes` }
    return { text: decode(bytes) }
  } catch (error) {
    return whyUnreadable(error)
  }
}

/** The beginning of a capture file, or of a database in MaxMind's format. Never throws. */
export function readBinary(path: string): { bytes: Buffer; isCut: boolean } | Unreadable {
  try {
    const bytes = readBytes(path, BINARY_BYTES_MAX)
    return { bytes: bytes.subarray(0, BINARY_BYTES_MAX), isCut: bytes.length > BINARY_BYTES_MAX }
  } catch (error) {
    return whyUnreadable(error)
  }
}

/** One byte more than the limit is enough to know; pipes are read to their end as well. */
function readBytes(path: string, most: number): Buffer {
  const file = path === '-' ? STDIN : openSync(path, 'r')
  try {
    const pieces: Buffer[] = []
    for (let length = 0; length <= most; ) {
      const piece = Buffer.alloc(Math.min(PIECE, most + 1 - length))
      const count = readSync(file, piece, 0, piece.length, null)
      if (count === 0) break
      pieces.push(piece.subarray(0, count))
      length += count
    }
    return Buffer.concat(pieces)
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

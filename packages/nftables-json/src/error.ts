/** What libnftables refused, as a code that a program can act on; its own words stay in `text`. */

export type NftablesErrorCode =
  /** No libnftables.so.1, or one without the functions we need. */
  | 'no-library'
  /** CAP_NET_ADMIN is missing. */
  | 'no-permission'
  /** EEXIST: created what was there, or declared it differently. */
  | 'exists'
  /** ENOENT: a table, chain, set, element or rule, or the kernel module behind a statement, is not there. */
  | 'missing'
  /** ENFILE: the set holds as many elements as its size allows. */
  | 'set-full'
  /** EMSGSIZE: the transaction is larger than the socket buffer that an ordinary user may have; make it smaller. */
  | 'too-large'
  /** EBUSY: a rule refers to what was to be deleted. */
  | 'busy'
  /** EOPNOTSUPP, no netlink socket to be had, or a library without JSON. */
  | 'unsupported'
  /** Anything else that libnftables or the kernel said no to; the words are in `text`. */
  | 'refused'
  /** The commands did not pass the schema; nothing went in. */
  | 'invalid'
  /** A synchronous call while an asynchronous one is running or waiting on this context. */
  | 'in-use'
  /** A call after the context was released. */
  | 'closed'

/** Of what was refused in a ruleset; all of them count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
  /** The last column of it. */
  readonly end: number
}

export class NftablesError extends Error {
  readonly code: NftablesErrorCode
  /** libnftables' own message, all its lines. */
  readonly text: string
  /** The kernel's or libnftables' reason alone, as `No such file or directory`. */
  readonly reason: string
  /** Where in the text of `load` or `check`; undefined for commands, and where libnftables does not tell. */
  readonly at: Position | undefined

  constructor(code: NftablesErrorCode, text: string, options?: ErrorOptions & { at?: Position | undefined }) {
    super(text, options)
    this.name = 'NftablesError'
    this.code = code
    this.text = text
    this.reason = reasonOf(text)
    this.at = options?.at
  }
}

/** `file:line:column-end: Error: …`, or `file:line:column: Error: …`. */
const PLACE = /^[^\n]*?:(\d+):(\d+)(?:-(\d+))?: Error: /

function reasonOf(text: string): string {
  const [first = ''] = text.split('\n', 1)
  return first.replace(/^.*?Error: /, '').replace(/^Could not process rule: /, '')
}

/** Where libnftables says that it is, in a file. */
function positionIn(text: string): Position | undefined {
  const [, line, column, end = column] = (PLACE.exec(text) ?? []).map(Number)
  if (!line || !column) return undefined
  return { line, column, end: end || column }
}

// libnftables gives no errno, only strerror(3) in its message; glibc's and musl's words, in the C locale.
const WORDS: readonly (readonly [RegExp, NftablesErrorCode])[] = [
  [/Operation not permitted|Permission denied/, 'no-permission'],
  [/File exists/, 'exists'],
  [/No such file or directory/, 'missing'],
  [/Too many open files in system/, 'set-full'],
  [/Message too (long|large)/, 'too-large'],
  [/resource busy/i, 'busy'],
  [/: (Operation |Protocol )?not supported$/i, 'unsupported'],
]

/** The error for what libnftables left in its error buffer. Only the first line counts: the next ones quote the input. */
export function errorFrom(buffer: string): NftablesError {
  const text = buffer.trim() || 'libnftables failed without a message'
  const [firstLine = ''] = text.split('\n', 1)
  const code = WORDS.find(([words]) => words.test(firstLine))?.[1] ?? 'refused'
  return new NftablesError(code, text, { at: positionIn(text) })
}

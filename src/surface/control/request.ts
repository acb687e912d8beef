/** Bytes become one HTTP/1.1 request, and no second one: docs/decisions/0034-one-request-a-connection.md */
import { EXIT, Failure } from '../../terms/failure.ts'

export interface Request {
  readonly method: string
  readonly path: string
  /** By their names in small letters; of several of one name, with commas between them. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Bytes of the two parts of a request, at most. */
export interface RequestLimits {
  readonly head: number
  readonly body: number
}

/** Takes bytes as they come, and returns the request when it is whole; what comes after that is not looked at. */
export type RequestReader = (chunk: Buffer) => Request | undefined

interface Head {
  readonly method: string
  readonly path: string
  readonly headers: ReadonlyMap<string, string>
  readonly length: number
  /** The other side waits for a word before it sends the body, as curl does. */
  readonly isHesitant: boolean
}

const BLANK_LINE = '\r\n\r\n'
const REQUEST_LINE = /^([A-Z]{1,16}) (\/\S*) HTTP\/1\.[01]$/

/** Nothing is held but the head and a body of the length that the head tells. Throws a Failure (64) for what is no request. */
export function requestReader(limits: RequestLimits, encourage: () => void): RequestReader {
  const head = Buffer.allocUnsafe(limits.head)
  let filled = 0
  let begun: Head | undefined
  let body = Buffer.alloc(0)

  /** Returns what is left of the chunk for the body; undefined: the head goes on. */
  function readHead(chunk: Buffer): Buffer | undefined {
    const copied = chunk.copy(head, filled)
    const end = head.subarray(0, filled + copied).indexOf(BLANK_LINE, Math.max(0, filled - BLANK_LINE.length))
    if (end < 0) {
      filled += copied
      if (filled === limits.head) throw wrong(`the head of a request has at most ${limits.head} bytes`)
      return undefined
    }
    begun = parseHead(head.toString('latin1', 0, end))
    if (begun.length > limits.body)
      throw wrong(limits.body === 0 ? 'no body is taken here' : `a request has at most ${limits.body} bytes`)
    body = Buffer.allocUnsafe(begun.length)
    const rest = chunk.subarray(end + BLANK_LINE.length - filled)
    filled = 0
    if (begun.isHesitant && rest.length < begun.length) encourage()
    return rest
  }

  return chunk => {
    const rest = begun === undefined ? readHead(chunk) : chunk
    if (begun === undefined || rest === undefined) return undefined
    filled += rest.copy(body, filled)
    if (filled < body.length) return undefined
    const { method, path, headers } = begun
    return { method, path, headers, body }
  }
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n')
  const [, method, path] = REQUEST_LINE.exec(first) ?? []
  if (method === undefined || path === undefined) throw wrong('this is no HTTP/1.1 request')
  const headers = headersOf(lines)
  const length = headers.get('content-length') ?? '0'
  const isTold = /^\d{1,15}$/.test(length) && !headers.has('transfer-encoding')
  if (!isTold) throw wrong('the length of the body has to be told by one Content-Length')
  const isHesitant = headers.get('expect')?.toLowerCase() === '100-continue'
  return { method, path, headers, length: Number(length), isHesitant }
}

function headersOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const before = headers.get(name)
    const value = line.slice(colon + 1).trim()
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}

function wrong(what: string): Failure {
  return new Failure(what, { exit: EXIT.usage })
}

/** Bytes become one HTTP/1.1 request, and no second one: docs/decisions/0034-one-request-a-connection.md */
import { EXIT, Failure } from '../../terms/failure.ts'

export interface Request {
  readonly method: string
  readonly path: string
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
    return filled < body.length ? undefined : { method: begun.method, path: begun.path, body }
  }
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n')
  const [, method, path] = REQUEST_LINE.exec(first) ?? []
  if (method === undefined || path === undefined) throw wrong('this is no HTTP/1.1 request')
  const headers = lines.map(line => {
    const colon = line.indexOf(':')
    return [
      line.slice(0, colon).toLowerCase(),
      line
        .slice(colon + 1)
        .trim()
        .toLowerCase(),
    ] as const
  })
  const valuesOf = (name: string) => headers.filter(header => header[0] === name).map(([, value]) => value)
  const [length = '0', ...others] = valuesOf('content-length')
  const isTold =
    /^\d{1,15}$/.test(length) && others.length === 0 && valuesOf('transfer-encoding').length === 0
  if (!isTold) throw wrong('the length of the body has to be told by one Content-Length')
  return { method, path, length: Number(length), isHesitant: valuesOf('expect').includes('100-continue') }
}

function wrong(what: string): Failure {
  return new Failure(what, { exit: EXIT.usage })
}

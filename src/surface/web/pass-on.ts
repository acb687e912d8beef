/** What the page asks for goes on to the daemon, by the socket of the role that may do least of those that may do it. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream'
import { escapeText } from '../../terms/escape.ts'
import type { Answer } from '../control/connections.ts'
import { ENDPOINTS, type EndpointName } from '../control/endpoints.ts'
import { request } from '../control/http.ts'
import type { Request } from '../control/request.ts'
import { ROLES, rolesWith } from '../control/roles.ts'

/** What the page may ask for, and nothing else: the rest is for the command line. */
export const PASSED = [
  'status',
  'health',
  'list',
  'why',
  'report',
  'events',
  'lock',
  'free',
] as const satisfies EndpointName[]
/** Bytes of an answer of the daemon, at most: a page of its list has half of one of them. */
export const ANSWER_MAX = 4_194_304
/** Milliseconds until the daemon has to answer. */
const PATIENCE_MS = 30_000
/** What may stand behind the `?`; the daemon looks at what it says. */
const QUERY = /^[\w=&.,:%~+*-]{0,2000}$/

export type PassOn = (request: Pick<Request, 'method' | 'path' | 'body'>, by: string) => Promise<Answer>

/** `control`: the path of the control socket, beside which those of the roles lie. It is never asked itself. */
export function passerOn(control: string): PassOn {
  return async ({ method, path, body }, by) => {
    const [plain = '', query = '', ...more] = path.split('?')
    const name = PASSED.find(one => ENDPOINTS[one].method === method && ENDPOINTS[one].path === plain)
    if (name === undefined || more.length > 0 || !QUERY.test(query))
      return error(404, `this page has no ${escapeText(`${method} ${path}`)}`)
    let sent: string | undefined
    try {
      sent = method === 'POST' ? signed(body, by) : undefined
    } catch {
      return error(400, 'the body of a request is a JSON object')
    }
    const sockets = rolesWith(name)
      .filter(role => role !== ROLES.control)
      .map(({ socket }) => join(dirname(control), socket))
      .reverse()
    try {
      const asked = { method, path, ...(sent !== undefined && { sent }) }
      const answer = await askAll(sockets, asked)
      // An older daemon tells what happens from now on, and knows no question there.
      const isOlder = name === 'events' && query !== '' && 'status' in answer && answer.status === 404
      return isOlder ? await askAll(sockets, { ...asked, path: plain }) : answer
    } catch (failure) {
      return error(502, unreachable(failure, sockets))
    }
  }
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly sent?: string
}

/** One after the other, as long as we may not open them. */
async function askAll([socket = '', ...others]: readonly string[], asked: Asked): Promise<Answer> {
  try {
    return await ask(socket, asked)
  } catch (failure) {
    if (others.length === 0 || (failure as NodeJS.ErrnoException).code !== 'EACCES') throw failure
    return askAll(others, asked)
  }
}

async function ask(socketPath: string, { method, path, sent }: Asked): Promise<Answer> {
  const asking = request({ socketPath, agent: false, method, path })
  const deadline = setTimeout(() => asking.destroy(new Error('no answer in time')), PATIENCE_MS)
  try {
    asking.end(sent)
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    const type = response.headers['content-type'] ?? 'application/json'
    const status = response.statusCode ?? 502
    const goesOn = response.headers['content-length'] === undefined
    // Whoever hangs up ends the question to the daemon as well.
    if (goesOn && status === 200) return { type, follow: to => void pipeline(response, to, () => {}) }
    return { status, type, body: await wholeOf(response) }
  } finally {
    clearTimeout(deadline)
  }
}

async function wholeOf(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > ANSWER_MAX) throw new Error(`an answer of the daemon has more than ${ANSWER_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** In the name of who opened the session, whatever the page says. Throws for what is no JSON object. */
function signed(body: Buffer, by: string): string {
  const given: unknown = JSON.parse(body.toString())
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new TypeError('no object')
  return JSON.stringify({ ...given, by })
}

function unreachable(failure: unknown, sockets: readonly string[]): string {
  const { code, message } = failure as NodeJS.ErrnoException
  if (code === 'EACCES')
    return `the page may not open ${sockets.join(' or ')}: its user has to be in their group`
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'the daemon is not running'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the daemon ended before it answered'
  return `the daemon does not answer: ${escapeText(message)}`
}

export function error(status: number, text: string): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify({ error: text })}\n` }
}

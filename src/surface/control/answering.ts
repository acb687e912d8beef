/** A request over the control socket becomes an answer. What is wrong or huge is refused before anything is done. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import * as z from 'zod'
import { jsonText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts'
import { openApi } from './openapi.ts'
import { ByRequest, FreeRequest, LockRequest, PauseRequest, REQUEST_MAX, type Served } from './protocol.ts'
import { openWatchers, WATCHERS_MAX } from './watchers.ts'
import { signature } from './who.ts'

/** `signed`: who did it, by what he claims. The answer `undefined`: it goes on by itself. */
type Handler = (
  body: unknown,
  response: ServerResponse,
  signed: (claim: string | undefined) => string,
) => Promise<object | string | undefined>

export interface Answering {
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Ends the answers that would go on. */
  end(): void
}

export function answering(daemon: Served, peerOf: (socket: Socket) => string): Answering {
  const watchers = openWatchers(daemon.watch)
  const handlers: Record<EndpointName, Handler> = {
    status: () => daemon.status(),
    health: async () => ({ lines: await daemon.health() }),
    lock: (body, _, signed) => {
      const request = LockRequest.parse(body)
      return daemon.lock({ ...request, by: signed(request.by) })
    },
    free: (body, _, signed) => {
      const request = FreeRequest.parse(body)
      return daemon.free({ ...request, by: signed(request.by) })
    },
    flush: async (body, _, signed) => ({ flies: await daemon.flush(signed(claimOf(body))) }),
    pause: (body, _, signed) => {
      const request = PauseRequest.parse(body)
      return nothing(daemon.pause({ ...request, by: signed(request.by) }))
    },
    reload: (body, _, signed) => nothing(daemon.reload(signed(claimOf(body)))),
    confirm: (body, _, signed) => nothing(daemon.confirm(signed(claimOf(body)))),
    leave: (body, _, signed) => nothing(daemon.leave(signed(claimOf(body)))),
    stop: (body, _, signed) => nothing(daemon.stop(signed(claimOf(body)))),
    metrics: () => daemon.metrics(),
    openapi: async () => openApi(),
    async events(_, response) {
      if (watchers.isFull())
        throw new Failure(`${WATCHERS_MAX} are watching already`, { exit: EXIT.unavailable })
      response.writeHead(200, { 'content-type': ENDPOINTS.events.answer.type }).flushHeaders()
      watchers.add(response)
      return undefined
    },
  }
  const byRequest = new Map(
    Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => [
      `${endpoint.method} ${endpoint.path}`,
      { ...endpoint, handler: handlers[name as EndpointName] },
    ]),
  )
  return {
    end: watchers.end,
    async answer(request, response) {
      const asked = `${request.method} ${request.url}`
      const endpoint = byRequest.get(asked)
      if (endpoint === undefined) return refuse(response, 404, `there is no ${asked}`)
      try {
        const signed = (claim: string | undefined) => signature(peerOf(request.socket), claim)
        const answer = await endpoint.handler(await readBody(request), response, signed)
        if (answer === undefined) return
        if (typeof answer === 'string')
          response.writeHead(200, { 'content-type': ENDPOINTS.metrics.answer.type }).end(answer)
        else answerJson(response, 200, answer)
      } catch (error) {
        refuse(response, ...reasonOf(error))
      }
    },
  }
}

function claimOf(body: unknown): string | undefined {
  return ByRequest.parse(body ?? {}).by
}

function refuse(response: ServerResponse, status: number, error: string): void {
  answerJson(response, status, { error })
}

function answerJson(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${jsonText(answer)}\n`)
}

function reasonOf(error: unknown): [status: number, text: string] {
  if (error instanceof z.ZodError) return [400, z.prettifyError(error)]
  if (error instanceof SyntaxError || error instanceof RangeError) return [400, error.message]
  if (error instanceof Failure) return [error.exit === EXIT.usage ? 400 : 500, error.message]
  return [500, String(error)]
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += (chunk as Buffer).length
    if (length > REQUEST_MAX) throw new RangeError(`a request has at most ${REQUEST_MAX} bytes`)
    chunks.push(chunk as Buffer)
  }
  return length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString())
}

async function nothing(done: Promise<void>): Promise<object> {
  await done
  return {}
}

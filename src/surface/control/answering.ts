/** A request over the control socket becomes an answer. What is wrong or huge is refused before anything is done. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod'
import { EXIT, Failure } from '../../terms/failure.ts'
import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts'
import { openApi } from './openapi.ts'
import { ByRequest, FreeRequest, LockRequest, PauseRequest, REQUEST_MAX, type Served } from './protocol.ts'
import { openWatchers, WATCHERS_MAX } from './watchers.ts'

/** `undefined`: the answer goes on by itself. */
type Handler = (body: unknown, response: ServerResponse) => Promise<object | string | undefined>

export interface Answering {
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Ends the answers that would go on. */
  end(): void
}

export function answering(daemon: Served): Answering {
  const watchers = openWatchers(daemon.watch)
  const handlers: Record<EndpointName, Handler> = {
    status: () => daemon.status(),
    health: async () => ({ lines: await daemon.health() }),
    lock: body => daemon.lock(LockRequest.parse(body)),
    free: body => daemon.free(FreeRequest.parse(body)),
    flush: async body => ({ flies: await daemon.flush(ByRequest.parse(body).by) }),
    pause: async body => nothing(daemon.pause(PauseRequest.parse(body))),
    reload: async body => nothing(daemon.reload(ByRequest.parse(body).by)),
    confirm: () => nothing(daemon.confirm()),
    leave: () => nothing(daemon.leave()),
    stop: async body => nothing(daemon.stop(ByRequest.parse(body).by)),
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
        const answer = await endpoint.handler(await readBody(request), response)
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

function refuse(response: ServerResponse, status: number, error: string): void {
  answerJson(response, status, { error })
}

function answerJson(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`)
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

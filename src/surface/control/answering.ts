/** A request over the control socket becomes an answer. What is wrong or huge is refused before anything is done. */
import type { Socket } from 'node:net'
import * as z from 'zod'
import { jsonText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Answer, Answering } from './connections.ts'
import { ENDPOINTS, type Endpoint, type EndpointName, type Turn } from './endpoints.ts'
import { openApi } from './openapi.ts'
import { ByRequest, ERROR_MAX, FreeRequest, LockRequest, PauseRequest, type Served } from './protocol.ts'
import { oneAfterAnother, type Shared, sharedBy } from './turns.ts'
import { openWatchers, WATCHERS_MAX } from './watchers.ts'
import { signature } from './who.ts'

/** What is wrong with a body, so much of it is told. */
const ISSUES_MAX = 20

/** `signed`: who did it, by what he claims. */
type Handler = (body: unknown, signed: (claim: string | undefined) => string) => Promise<object | Uint8Array>

/** Everything that the control socket can do; disposing of it ends the answers that go on. */
export function openAnswering(daemon: Served, peerOf: (socket: Socket) => string): Answering & Disposable {
  const watchers = openWatchers(daemon.watch)
  const orders = oneAfterAnother()
  const questions = sharedBy(oneAfterAnother())
  const turns: Record<Turn, Shared> = {
    order: (_, work) => orders(work),
    question: questions,
    now: (_, work) => work(),
  }
  const handlers = handlersOf(daemon)
  const byRequest = new Map(
    Object.entries<Endpoint>(ENDPOINTS).map(([name, { method, path, turn }]) => [
      `${method} ${path}`,
      { name: name as EndpointName, turn },
    ]),
  )

  function follow(): Answer {
    if (watchers.isFull())
      throw new Failure(`${WATCHERS_MAX} are watching already`, { exit: EXIT.unavailable })
    return { type: ENDPOINTS.events.answer.type, follow: watchers.add }
  }

  return {
    refuse: refusal,
    async answer({ method, path, body }, socket) {
      const asked = `${method} ${path}`
      const endpoint = byRequest.get(asked)
      if (endpoint === undefined) return json(404, { error: `there is no ${asked}` })
      const { name, turn } = endpoint
      if (name === 'events') return follow()
      const user = method === 'POST' ? peerOf(socket) : ''
      const signed = (claim: string | undefined) => signature(user, claim)
      // Also what is wrong takes time to be told: a body is looked at when its turn has come.
      const shared = body.length === 0 ? name : undefined
      const answer = await turns[turn](shared, async () => handlers[name](parse(body), signed))
      if (!(answer instanceof Uint8Array)) return json(200, answer)
      return { status: 200, type: ENDPOINTS.metrics.answer.type, body: answer }
    },
    [Symbol.dispose]: watchers.end,
  }
}

function handlersOf(daemon: Served): Record<Exclude<EndpointName, 'events'>, Handler> {
  const by = (body: unknown) => ByRequest.parse(body ?? {}).by
  return {
    status: () => daemon.status(),
    health: async () => ({ lines: await daemon.health() }),
    lock(body, signed) {
      const request = LockRequest.parse(body)
      return daemon.lock({ ...request, by: signed(request.by) })
    },
    free(body, signed) {
      const request = FreeRequest.parse(body)
      return daemon.free({ ...request, by: signed(request.by) })
    },
    flush: async (body, signed) => ({ flies: await daemon.flush(signed(by(body))) }),
    pause(body, signed) {
      const request = PauseRequest.parse(body)
      return nothing(daemon.pause({ ...request, by: signed(request.by) }))
    },
    reload: (body, signed) => nothing(daemon.reload(signed(by(body)))),
    confirm: (body, signed) => nothing(daemon.confirm(signed(by(body)))),
    leave: (body, signed) => nothing(daemon.leave(signed(by(body)))),
    stop: (body, signed) => nothing(daemon.stop(signed(by(body)))),
    metrics: () => daemon.metrics(),
    openapi: async () => OPENAPI,
  }
}

/** It does not change, and takes milliseconds to put together. */
const OPENAPI = openApi()

function json(status: number, answer: object): Answer {
  return { status, type: 'application/json', body: `${jsonText(answer)}\n` }
}

function refusal(error: unknown): Answer {
  const [status, text] = reasonOf(error)
  return json(status, { error: text.length > ERROR_MAX ? `${text.slice(0, ERROR_MAX)}…` : text })
}

function reasonOf(error: unknown): [status: number, text: string] {
  if (error instanceof z.ZodError)
    return [400, z.prettifyError(new z.ZodError(error.issues.slice(0, ISSUES_MAX)))]
  if (error instanceof SyntaxError || error instanceof RangeError) return [400, error.message]
  if (error instanceof Failure) return [error.exit === EXIT.usage ? 400 : 500, error.message]
  return [500, String(error)]
}

function parse(body: Buffer): unknown {
  return body.length === 0 ? undefined : JSON.parse(body.toString())
}

async function nothing(done: Promise<void>): Promise<object> {
  await done
  return {}
}

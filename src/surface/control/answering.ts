/** A request over the control socket becomes an answer. What is wrong or huge is refused before anything is done. */
import * as z from 'zod'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Answer, Answering } from './connections.ts'
import { ENDPOINTS, type Endpoint, type EndpointName, type Turn } from './endpoints.ts'
import { openApi } from './openapi.ts'
import { ByRequest, ERROR_MAX, FreeRequest, LockRequest, type Served } from './protocol.ts'
import { oneAfterAnother, type Queue } from './turns.ts'
import { openWatchers, WATCHERS_MAX } from './watchers.ts'

/** What is wrong with a body, so much of it is told. */
const ISSUES_MAX = 20

type Handler = (body: unknown) => Promise<object | Uint8Array>

/** Everything that the control socket can do; disposing of it ends the answers that go on. */
export function openAnswering(daemon: Served): Answering & Disposable {
  const watchers = openWatchers(daemon.watch)
  const queues: Record<Turn, Queue> = {
    order: oneAfterAnother(),
    question: oneAfterAnother(),
    now: work => work(),
  }
  const handlers: Record<Exclude<EndpointName, 'events'>, Handler> = {
    status: () => daemon.status(),
    lock: body => daemon.lock(LockRequest.parse(body)),
    free: body => daemon.free(FreeRequest.parse(body)),
    flush: async body => ({ flies: await daemon.flush(ByRequest.parse(body).by) }),
    reload: async body => nothing(daemon.reload(ByRequest.parse(body).by)),
    confirm: () => nothing(daemon.confirm()),
    leave: () => nothing(daemon.leave()),
    stop: async body => nothing(daemon.stop(ByRequest.parse(body).by)),
    metrics: () => daemon.metrics(),
    openapi: async () => openApi(),
  }
  const byRequest = new Map(
    Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => [
      `${endpoint.method} ${endpoint.path}`,
      { name: name as EndpointName, turn: endpoint.turn },
    ]),
  )

  function follow(): Answer {
    if (watchers.isFull())
      throw new Failure(`${WATCHERS_MAX} are watching already`, { exit: EXIT.unavailable })
    return { type: ENDPOINTS.events.answer.type, follow: watchers.add }
  }

  return {
    refuse: refusal,
    async answer({ method, path, body }) {
      const asked = `${method} ${path}`
      const endpoint = byRequest.get(asked)
      if (endpoint === undefined) return json(404, { error: `there is no ${asked}` })
      const { name, turn } = endpoint
      if (name === 'events') return follow()
      // Also what is wrong takes time to be told: a body is looked at when its turn has come.
      const answer = await queues[turn](async () => handlers[name](parse(body)))
      if (!(answer instanceof Uint8Array)) return json(200, answer)
      return { status: 200, type: ENDPOINTS.metrics.answer.type, body: answer }
    },
    [Symbol.dispose]: watchers.end,
  }
}

function json(status: number, answer: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(answer)}\n` }
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

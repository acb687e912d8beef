/** A request over the control socket becomes an answer. What is wrong or huge is refused before anything is done. */
import type { Socket } from 'node:net'
import * as z from 'zod'
import { escapeText, jsonText } from '../../terms/escape.ts'
import { EXIT, type ExitStatus, Failure } from '../../terms/failure.ts'
import type { Answer, Answering } from './connections.ts'
import { ENDPOINTS, type Endpoint, type EndpointName, type Turn } from './endpoints.ts'
import { openFollowers } from './followers.ts'
import { NeverAddRequest, NeverRemoveRequest } from './never-protocol.ts'
import { openApi } from './openapi.ts'
import { ListQuery, ReportQuery, WhyQuery } from './past-protocol.ts'
import {
  ByRequest,
  ERROR_MAX,
  EventsQuery,
  FreeRequest,
  LockRequest,
  NamesRequest,
  PauseRequest,
  type Served,
} from './protocol.ts'
import type { Request } from './request.ts'
import { ROLES, type Role, rolesWith } from './roles.ts'
import { ForgetRequest, TestifyRequest, WithdrawRequest } from './testimony-protocol.ts'
import { oneAfterAnother, type Shared, sharedBy } from './turns.ts'
import { openWatchers, WATCHERS_MAX } from './watchers.ts'
import { signature } from './who.ts'

/** What is wrong with a body, so much of it is told. */
const ISSUES_MAX = 20

/** `signed`: who did it, by what he claims. `via`: the role and the user whose word it is. */
type Handler = (
  body: unknown,
  signed: (claim: string | undefined) => string,
  via: string,
) => Promise<object | Uint8Array>

/** What the sockets can do; disposing of it ends the answers that go on. */
export interface AnsweringAll extends Disposable {
  /** To whoever asks by the socket of this role. Those who watch have places of their own there. */
  of(role: Role): Answering
}

export function openAnswering(daemon: Served, peerOf: (socket: Socket) => string): AnsweringAll {
  const opened: { end(): void }[] = []
  const orders = oneAfterAnother()
  const questions = sharedBy(oneAfterAnother())
  const turnsOf = (): Record<Turn, Shared> => ({
    order: (_, work) => orders(work),
    question: questions,
    reading: sharedBy(oneAfterAnother()),
    apart: sharedBy(oneAfterAnother()),
    now: (_, work) => work(),
  })
  const handlers = handlersOf(daemon)
  const byRequest = new Map(
    Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => [
      `${endpoint.method} ${endpoint.path}`,
      { name: name as EndpointName, ...endpoint },
    ]),
  )

  async function carryOut(
    role: Role,
    { name, turn, isQuery }: { name: Exclude<EndpointName, 'events'>; turn: Shared; isQuery: boolean },
    { method, path, body }: Request,
    socket: Socket,
  ): Promise<Answer> {
    const user = method === 'POST' ? peerOf(socket) : ''
    const signed = (claim: string | undefined) => signature(user, claim)
    // Also what is wrong takes time to be told: a body is looked at when its turn has come.
    const shared = body.length === 0 ? path : undefined
    const given = () => (isQuery ? queryOf(path) : permitted(role, parse(body)))
    const via = `${role.socket.replace('.sock', '')} ${user}`
    const answer = await turn(shared, async () => handlers[name](given(), signed, via))
    if (!(answer instanceof Uint8Array)) return json(200, answer)
    return { status: 200, type: ENDPOINTS.metrics.answer.type, body: answer }
  }

  return {
    of(role) {
      const watchers = openWatchers(daemon.watch)
      const followers = openFollowers(daemon.feed)
      const turns = turnsOf()
      opened.push(watchers, followers)
      return {
        refuse: refusal,
        async answer(request, socket) {
          const asked = `${request.method} ${request.path}`
          const endpoint = byRequest.get(asked) ?? byRequest.get(asked.replace(/\?.*$/, ''))
          const isQuery = endpoint?.query !== undefined
          if (endpoint === undefined || (request.path.includes('?') && !isQuery))
            return json(404, { error: `there is no ${asked}` })
          const { name, method, path, turn } = endpoint
          if (!role.may.includes(name)) return json(403, { error: notHere(role, `${method} ${path}`, name) })
          if (name !== 'events') return carryOut(role, { name, turn: turns[turn], isQuery }, request, socket)
          const { after } = EventsQuery.parse(queryOf(request.path))
          if (watchers.count() + followers.count() >= WATCHERS_MAX)
            throw new Failure(`${WATCHERS_MAX} are watching already`, { exit: EXIT.unavailable })
          const follow = after === undefined ? watchers.add : followers.from(after)
          return { type: ENDPOINTS.events.answer.type, follow }
        },
      }
    },
    [Symbol.dispose]() {
      for (const watchers of opened) watchers.end()
    },
  }
}

/** `watch.sock does not take POST /v1/free. Use operate.sock (the group flypaperd-operate) or control.sock (root and the group flypaperd)`. */
function notHere({ socket }: Role, asked: string, name: EndpointName): string {
  const others = rolesWith(name).map(
    ({ socket, group }) =>
      `${socket} (${group === undefined ? 'root and the group flypaperd' : `the group ${group}`})`,
  )
  return `${socket} does not take ${asked}. Use ${others.reverse().join(' or ')}`
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
    testify: (body, _, via) => daemon.testify({ ...TestifyRequest.parse(body), via }),
    withdraw: (body, _, via) => daemon.withdraw({ ...WithdrawRequest.parse(body), via }),
    forget(body, signed) {
      const request = ForgetRequest.parse(body)
      return daemon.forget({ ...request, by: signed(request.by) })
    },
    never: () => daemon.never(),
    neverAdd(body, signed) {
      const request = NeverAddRequest.parse(body)
      return daemon.neverAdd({ ...request, by: signed(request.by) })
    },
    neverRemove(body, signed) {
      const request = NeverRemoveRequest.parse(body)
      return daemon.neverRemove({ ...request, by: signed(request.by) })
    },
    flush: async (body, signed) => ({ flies: await daemon.flush(signed(by(body))) }),
    pause(body, signed) {
      const request = PauseRequest.parse(body)
      return nothing(daemon.pause({ ...request, by: signed(request.by) }))
    },
    names: body => daemon.names(NamesRequest.parse(body)),
    reload: (body, signed) => nothing(daemon.reload(signed(by(body)))),
    confirm: (body, signed) => nothing(daemon.confirm(signed(by(body)))),
    leave: (body, signed) => nothing(daemon.leave(signed(by(body)))),
    stop: (body, signed) => nothing(daemon.stop(signed(by(body)))),
    list: query => daemon.list(ListQuery.parse(query)),
    why: query => daemon.why(WhyQuery.parse(query)),
    report: query => daemon.report(ReportQuery.parse(query)),
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

const HTTP_STATUS: Readonly<Partial<Record<ExitStatus, number>>> = {
  [EXIT.usage]: 400,
  [EXIT.noPermission]: 403,
}

function reasonOf(error: unknown): [status: number, text: string] {
  if (error instanceof z.ZodError)
    return [400, z.prettifyError(new z.ZodError(error.issues.slice(0, ISSUES_MAX)))]
  if (error instanceof SyntaxError || error instanceof RangeError) return [400, error.message]
  if (error instanceof Failure) return [HTTP_STATUS[error.exit] ?? 500, error.message]
  return [500, String(error)]
}

function parse(body: Buffer): unknown {
  return body.length === 0 ? undefined : JSON.parse(body.toString())
}

/** Throws a Failure (77) for a `force` that this role does not have. */
function permitted({ socket, mayForce = false }: Role, body: unknown): unknown {
  if (mayForce || typeof body !== 'object' || body === null || !('force' in body) || body.force !== true)
    return body
  throw new Failure(`${socket} takes no force: the widest prefixes are for ${ROLES.control.socket}`, {
    exit: EXIT.noPermission,
  })
}

/** Throws a Failure (64) for what is said twice. */
function queryOf(path: string): object {
  const query = new URLSearchParams(/\?(.*)$/.exec(path)?.[1])
  const names = [...query.keys()]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Failure(`${escapeText(twice)} is said twice`, { exit: EXIT.usage })
  return Object.fromEntries(query)
}

async function nothing(done: Promise<void>): Promise<object> {
  await done
  return {}
}

/** Speaks to the running daemon over its socket. */
import { once } from 'node:events'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { text as textOf } from 'node:stream/consumers'
import type * as z from 'zod'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, type ExitStatus, Failure } from '../../terms/failure.ts'
import { ENDPOINTS, type Endpoint, type EndpointName, queryText } from './endpoints.ts'
import { request } from './http.ts'
import { NeverAddAnswer, NeverAnswer, NeverRemoveAnswer } from './never-protocol.ts'
import { ListAnswer, ReportAnswer, WhyAnswer } from './past-protocol.ts'
import {
  type Control,
  ErrorAnswer,
  EventLine,
  FlushAnswer,
  FreeAnswer,
  LockAnswer,
  NamesAnswer,
  type NamesRequest,
} from './protocol.ts'
import { ROLES, type Role, rolesWith } from './roles.ts'
import { HealthAnswer, StatusAnswer } from './status-protocol.ts'
import { ForgetAnswer } from './testimony-protocol.ts'

export interface Client extends Control {
  /** Reached by the socket of a group, since the control socket is not ours. */
  readonly isByGroup: boolean
  /** In Prometheus' text format. */
  counters(): Promise<string>
  /** What happens from now on, or behind `after`, until the signal is given or the daemon ends. */
  events(signal: AbortSignal, after?: string): AsyncIterable<EventLine>
}

const PATIENCE_MS = 30_000
/** The same where a large history is gone through and written anew. */
const FORGET_PATIENCE_MS = 600_000

const EXIT_BY_STATUS: Readonly<Record<number, ExitStatus>> = { 400: EXIT.usage, 403: EXIT.noPermission }

/**
 * The running daemon, by its control socket or, where that is not for us, by the socket of another role that may ask for this; undefined
 * when none answers. Throws a Failure (77) when none of them may be opened.
 */
export async function reachDaemon(path: string, to: EndpointName = 'stop'): Promise<Client | undefined> {
  const roles = rolesWith(to)
  for (const role of roles) {
    const isControl = role === ROLES.control
    const found = await reachBy(isControl ? path : join(dirname(path), role.socket), isControl)
    if (found !== 'closed') return found
  }
  throw noPermission(path, roles)
}

/** Tells the daemon by names.sock, which takes nothing else, which hosts a name has. Rejects where nobody answers, or it is refused. */
export async function tellNames(socket: string, request: NamesRequest): Promise<NamesAnswer> {
  return parse(NamesAnswer, await exchange(socket, ENDPOINTS.names, request))
}

/** `closed`: it is not for us. The control socket tells whether there is a daemon; an older one has no other. */
async function reachBy(path: string, isControl: boolean): Promise<Client | 'closed' | undefined> {
  const client = clientOf(path, !isControl)
  try {
    await client.status()
    return client
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return 'closed'
    if (code === 'ENOENT' && !isControl) return 'closed'
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || isHungUp(error)) return undefined
    throw error
  }
}

/** The daemon ended while it was spoken to: before it had read the question (EPIPE), or before it answered. */
function isHungUp(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE'
}

function clientOf(path: string, isByGroup: boolean): Client {
  const ask = async (name: EndpointName, given?: object, patience?: number) =>
    exchange(path, ENDPOINTS[name], given, patience).catch(error => {
      const isPost = ENDPOINTS[name].method === 'POST'
      throw isPost && isHungUp(error) ? goneDaemon(error) : error
    })
  return {
    isByGroup,
    status: async () => parse(StatusAnswer, await ask('status')),
    health: async () => parse(HealthAnswer, await ask('health')).lines,
    list: async query => parse(ListAnswer, await ask('list', query)),
    why: async query => parse(WhyAnswer, await ask('why', query)),
    report: async query => parse(ReportAnswer, await ask('report', query)),
    lock: async request => parse(LockAnswer, await ask('lock', request)),
    free: async request => parse(FreeAnswer, await ask('free', request)),
    never: async () => parse(NeverAnswer, await ask('never')),
    neverAdd: async request => parse(NeverAddAnswer, await ask('neverAdd', request)),
    neverRemove: async request => parse(NeverRemoveAnswer, await ask('neverRemove', request)),
    flush: async by => parse(FlushAnswer, await ask('flush', { by })).flies,
    forget: async request => parse(ForgetAnswer, await ask('forget', request, FORGET_PATIENCE_MS)),
    pause: async request => void (await ask('pause', request)),
    names: async request => parse(NamesAnswer, await ask('names', request)),
    stop: async by => void (await ask('stop', { by })),
    leave: async by => void (await ask('leave', { by })),
    reload: async by => void (await ask('reload', { by })),
    confirm: async by => void (await ask('confirm', { by })),
    counters: async () => await textFrom(path, ENDPOINTS.metrics),
    async *events(signal, after) {
      const { method } = ENDPOINTS.events
      const response = await send(path, { method, path: urlOf(ENDPOINTS.events, { after }), signal })
      if (response.statusCode !== 200) throw refusal(response.statusCode ?? 0, await textOf(response))
      try {
        for await (const line of createInterface(response)) yield parse(EventLine, JSON.parse(line))
      } catch (error) {
        // Both the signal and a daemon that ends break the answer off: that is its end.
        if (!isHungUp(error)) throw error
      }
    },
  }
}

async function exchange(
  socket: string,
  { method, path, query }: Endpoint,
  given: object = {},
  patience = PATIENCE_MS,
): Promise<unknown> {
  const url = query === undefined ? path : urlOf({ path }, given)
  const body = method === 'POST' ? given : undefined
  return JSON.parse(await textFrom(socket, { method, path: url }, body, patience))
}

function urlOf({ path }: Pick<Endpoint, 'path'>, query: object): string {
  const asked = queryText(query)
  return asked === '' ? path : `${path}?${asked}`
}

async function textFrom(
  socket: string,
  { method, path }: Pick<Endpoint, 'method' | 'path'>,
  body?: object,
  timeout = PATIENCE_MS,
): Promise<string> {
  const response = await send(socket, { method, path, timeout }, body)
  const text = await textOf(response)
  if (response.statusCode !== 200) throw refusal(response.statusCode ?? 0, text)
  return text
}

async function send(socketPath: string, options: RequestOptions, body?: object): Promise<IncomingMessage> {
  const asked = request({ socketPath, agent: false, ...options })
  asked.on('timeout', () => asked.destroy(silentDaemon(socketPath, options.timeout)))
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(asked, 'response')
  return response as IncomingMessage
}

function refusal(status: number, text: string): Failure {
  let error = text
  try {
    error = ErrorAnswer.parse(JSON.parse(text)).error
  } catch {} // Somebody else's answer is shown as it is.
  return new Failure(`the daemon refused: ${escapeText(error)}`, {
    exit: EXIT_BY_STATUS[status] ?? EXIT.unavailable,
  })
}

function parse<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new Failure('the running daemon speaks differently: it is another version than this command', {
    exit: EXIT.unavailable,
    hint: 'End it, and start this one: flypaperd stop, then flypaperd start (or systemctl restart flypaperd)',
    cause: parsed.error,
  })
}

function silentDaemon(path: string, patience = PATIENCE_MS): Failure {
  return new Failure(`the daemon behind ${path} does not answer within ${patience / 1000} s`, {
    exit: EXIT.unavailable,
  })
}

function goneDaemon(cause: unknown): Failure {
  return new Failure('the daemon ended before it answered', {
    exit: EXIT.unavailable,
    hint: 'Its log says why; flypaperd status says what is left.',
    cause,
  })
}

function noPermission(path: string, roles: readonly Role[]): Failure {
  const groups = roles.flatMap(({ group }) => group ?? []).reverse()
  const orIn = groups.length === 0 ? '' : ` Or be a member of the group ${groups.join(' or ')}.`
  return new Failure(`no permission to speak to the daemon through ${path}`, {
    exit: EXIT.noPermission,
    hint: `Run it as root: sudo flypaperd …${orIn}`,
  })
}

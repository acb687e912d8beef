/** The process that serves the page: its sockets, and its end when nobody looks. */
import type { Server } from 'node:net'
import { basename } from 'node:path'
import { EXIT, Failure } from '../../terms/failure.ts'
import { type Limits, type Serving, serveRequests } from '../control/connections.ts'
import { REQUEST_MAX } from '../control/protocol.ts'
import { ROLES } from '../control/roles.ts'
import type { UnixSockets } from '../control/server.ts'
import { answersOfLinks, answersOfPage } from './answering.ts'
import { watchIdle } from './idle.ts'
import { passerOn } from './pass-on.ts'
import { openSessions, type Sessions } from './sessions.ts'

/** Connections to the page at the same time. */
export const WEB_CONNECTIONS_MAX = 64
/** Connections to the socket of links at the same time. */
const LINK_CONNECTIONS_MAX = 8
/** Bytes of a request before its body. */
const HEAD_MAX = 8192
/** Milliseconds until a request has to be whole, and then until its answer has to be read. */
const PATIENCE_MS = 20_000
/** Milliseconds after which a process that systemd has started ends, when nobody is connected. */
export const IDLE_MS = 900_000
const FAREWELL_MS = 1000

export const PAGE_SOCKET = 'web.sock'
export const LINK_SOCKET = 'link.sock'

const PAGE: Limits = {
  connections: WEB_CONNECTIONS_MAX,
  head: HEAD_MAX,
  body: REQUEST_MAX,
  askMs: PATIENCE_MS,
  readMs: PATIENCE_MS,
}
const LINKS: Limits = { ...PAGE, connections: LINK_CONNECTIONS_MAX, body: 0 }

/** A socket that is open already. */
export interface PassedSocket {
  readonly fd: number
  /** Where it lies; undefined for one that is no Unix socket. */
  readonly path: string | undefined
}

export interface WebOptions {
  /** The control socket, beside which those of the roles lie. */
  readonly control: string
  /** Where our own sockets lie. */
  readonly directory: string
  /** Sockets that systemd has passed (sd_listen_fds(3)): then none is made. */
  readonly passed: readonly PassedSocket[]
  /** Instead of the page's socket. */
  readonly listen?: { readonly host: string; readonly port: number } | undefined
  /** The name behind a reverse proxy. */
  readonly host: string | undefined
  readonly unixSockets: UnixSockets
  page(file: string): Uint8Array
  now(): number
}

export interface ServedPage extends AsyncDisposable {
  readonly sessions: Sessions
  /** Nobody has looked for so long; never, unless systemd has passed the sockets. */
  readonly isIdle: Promise<void>
}

/** Throws a Failure (69, 77) where it cannot listen. */
export async function servePage(options: WebOptions): Promise<ServedPage> {
  await using opening = new AsyncDisposableStack()
  const sessions = openSessions(options.now)
  const { passed, listen, directory, unixSockets } = options
  const servings: Serving[] = []
  const connected = async () => {
    const counts = await Promise.all(servings.map(({ server }) => connectionsOf(server)))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  const idle = opening.use(watchIdle(connected, options.now, IDLE_MS))
  const page = answersOfPage({ ...options, sessions, passOn: passerOn(options.control), looked: idle.looked })
  const links = answersOfLinks(sessions, unixSockets.peerOf)
  const access = { mask: 0o117, group: ROLES.operate.group }
  const add = (serving: Serving) => {
    opening.defer(() => serving.close(FAREWELL_MS))
    servings.push(serving)
    return serving.server
  }
  for (const { fd, path = '' } of passed) {
    const [limits, answering] = basename(path) === LINK_SOCKET ? [LINKS, links] : [PAGE, page]
    await listenOn(add(serveRequests(limits, answering)), { fd })
  }
  if (passed.length === 0) {
    const at = (name: string) => `${directory}/${name}`
    await unixSockets.listen(add(serveRequests(LINKS, links)), at(LINK_SOCKET), access)
    const server = add(serveRequests(PAGE, page))
    if (listen === undefined) await unixSockets.listen(server, at(PAGE_SOCKET), access)
    else await listenOn(server, listen)
  }
  for (const { server } of servings) refuseOutside(server)
  const opened = opening.move()
  return {
    sessions,
    isIdle: passed.length > 0 ? idle.isIdle : new Promise(() => {}),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function listenOn(server: Server, where: { fd: number } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', cause =>
      reject(new Failure(`cannot listen there: ${cause.message}`, { exit: EXIT.unavailable, cause })),
    )
    server.listen(where, resolve)
  })
}

/** Behind a port that others reach, a token of ours went over the network as it is. Throws a Failure (64). */
function refuseOutside(server: Server): void {
  const address = server.address()
  if (address === null || typeof address === 'string') return
  if (address.address === '127.0.0.1' || address.address === '::1') return
  throw new Failure(`the page is served on the loopback alone, not at ${address.address}`, {
    exit: EXIT.usage,
    hint: 'For others, put a reverse proxy with TLS before it: docs/web.md.',
  })
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise(resolve => server.getConnections((_, count) => resolve(count ?? 0)))
}

/** The sockets of the running daemon: one for each role (endpoints.ts), and metrics, for everybody. */
import type { Server, Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Log } from '../../log/log.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { openAnswering } from './answering.ts'
import { type Answer, type Answering, type Limits, type Serving, serveRequests } from './connections.ts'
import { ENDPOINTS } from './endpoints.ts'
import { REQUEST_MAX, type Served } from './protocol.ts'
import { ROLES, type Role, type RoleName } from './roles.ts'

/** Connections to the control socket at the same time. */
export const CONTROL_CONNECTIONS_MAX = 64
/** Connections to each of the sockets that groups have, at the same time. */
const GROUP_CONNECTIONS_MAX = 32
/** Connections to the metrics socket at the same time, for which nobody needs a privilege: Prometheus makes one. */
const METRICS_CONNECTIONS_MAX = 16
/** Bytes of a request before its body. */
const HEAD_MAX = 4096
/** Milliseconds until a request has to be whole, and then until its answer has to be read. */
const CONTROL_PATIENCE_MS = 10_000
/** The same for whoever reads the counters. */
const METRICS_PATIENCE_MS = 2000

const CONTROL: Limits = {
  connections: CONTROL_CONNECTIONS_MAX,
  head: HEAD_MAX,
  body: REQUEST_MAX,
  askMs: CONTROL_PATIENCE_MS,
  readMs: CONTROL_PATIENCE_MS,
}
const OF_GROUP: Limits = { ...CONTROL, connections: GROUP_CONNECTIONS_MAX }
/** Each role has places of its own: what one does to its socket does not reach the others. */
const LIMITS: Record<RoleName, Limits> = {
  control: CONTROL,
  operate: OF_GROUP,
  watch: OF_GROUP,
  share: OF_GROUP,
  names: OF_GROUP,
}
const METRICS: Limits = {
  connections: METRICS_CONNECTIONS_MAX,
  head: HEAD_MAX,
  body: 0,
  askMs: METRICS_PATIENCE_MS,
  readMs: METRICS_PATIENCE_MS,
}
/** Where Prometheus looks unless told. */
const METRICS_PATH = '/metrics'
/** The answer to `stop` is still on its way when the daemon ends; whoever is slow must not keep us. */
const FAREWELL_MS = 1000

/** How often a socket is looked for that somebody may have taken away. */
const LOOK_MS = 500

/** A socket that was made. */
export interface Made {
  /** Why its group may not open it. */
  readonly isWithout?: string
  /** Whether whoever looks for it finds it, or another daemon there. */
  isFound(): Promise<boolean>
}

/** Who may open a socket. */
export interface Access {
  readonly mask: number
  readonly group?: string | undefined
}

/** The port; system/unix-sockets.ts implements it. */
export interface UnixSockets {
  /**
   * Makes the socket in place of a stale one, for whom `mask` leaves it (umask(2)) and for the members of the group, and listens there.
   * Where the group cannot have it, the others have it all the same.
   */
  listen(server: Server, path: string, access: Access): Promise<Made>
  /** The name of the user at the other end. Throws a Failure (69) when he is gone. */
  peerOf(socket: Socket): string
}

/**
 * Listens on the control socket and, beside it, on that of each other role; a stale one, that nobody answers, is replaced. The caller has
 * made sure of that. Where one is taken away, it is made again, which `log` is told, as who cannot have his.
 */
export async function serveControl(
  path: string,
  daemon: Served,
  sockets: UnixSockets,
  log: Pick<Log, 'info' | 'warn'> = { info() {}, warn() {} },
): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack()
  const answering = openAnswering(daemon, sockets.peerOf)
  for (const name of Object.keys(ROLES) as RoleName[]) {
    const role: Role = ROLES[name]
    const place = {
      path: name === 'control' ? path : join(dirname(path), role.socket),
      access: { mask: 0o117, group: role.group },
      sockets,
      warn: log.warn,
    }
    const serving = opening.use(await serve(place, LIMITS[name], answering.of(role)))
    if (serving.isWithout !== undefined) log.info(`${role.socket} is for root alone: ${serving.isWithout}`)
  }
  opening.defer(async () => answering[Symbol.dispose]())
  return opening.move()
}

/** The counters alone, for whoever may enter the directory: nothing can be changed here, and no address is told. */
export async function serveMetrics(
  path: string,
  daemon: Pick<Served, 'metrics'>,
  sockets: UnixSockets,
  warn: Warn = () => {},
): Promise<AsyncDisposable> {
  const { type } = ENDPOINTS.metrics.answer
  return serve({ path, access: { mask: 0o111 }, sockets, warn }, METRICS, {
    async answer({ method, path }): Promise<Answer> {
      if (method === 'GET' && path === METRICS_PATH)
        return { status: 200, type, body: await daemon.metrics() }
      return { status: 404, type, body: `there is only ${METRICS_PATH}\n` }
    },
    refuse(error) {
      const isTheirs = error instanceof RangeError || (error instanceof Failure && error.exit === EXIT.usage)
      return { status: isTheirs ? 400 : 500, type, body: `${escapeText(String(error))}\n` }
    },
  })
}

type Warn = (line: string) => void

interface Place {
  readonly path: string
  readonly access: Access
  readonly sockets: UnixSockets
  readonly warn: Warn
}

async function serve(
  place: Place,
  limits: Limits,
  answering: Answering,
): Promise<AsyncDisposable & Pick<Made, 'isWithout'>> {
  const { path, access, sockets } = place
  const serving = serveRequests(limits, answering)
  let made: Made
  try {
    made = await sockets.listen(serving.server, path, access)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`cannot make the socket ${path}: ${(error as Error).message}`, {
      exit: (error as NodeJS.ErrnoException).code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable,
      hint: 'Name a place to which flypaperd may write: --socket.',
      cause: error,
    })
  }
  const keeping = keep(place, serving, made)
  return {
    ...(made.isWithout !== undefined && { isWithout: made.isWithout }),
    async [Symbol.asyncDispose]() {
      await keeping[Symbol.asyncDispose]()
      await serving.close(FAREWELL_MS)
    },
  }
}

/** Without its socket a daemon can be neither asked nor stopped, and the next one takes its place for free. */
function keep({ path, access, sockets, warn }: Place, serving: Serving, first: Made): AsyncDisposable {
  let made = first
  let isTold = false
  let looking = Promise.resolve()

  async function look(): Promise<void> {
    try {
      if (await made.isFound()) return
      made = await sockets.listen(serving.again(), path, access)
      warn(`${path} was gone: it is made again`)
      isTold = false
    } catch (error) {
      if (!isTold) warn(`${path} is gone, and cannot be made again: ${String(error)}`)
      isTold = true
    }
  }

  let timer: NodeJS.Timeout | undefined = setTimeout(turn, LOOK_MS)
  function turn(): void {
    looking = look().finally(() => {
      if (timer !== undefined) timer = setTimeout(turn, LOOK_MS)
    })
  }

  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      timer = undefined
      await looking
    },
  }
}

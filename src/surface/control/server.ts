/** The sockets of the running daemon: control, for root, its owner and its group alone, and metrics, for everybody. */
import type { Server, Socket } from 'node:net'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { openAnswering } from './answering.ts'
import { type Answer, type Answering, type Limits, serveRequests } from './connections.ts'
import { ENDPOINTS } from './endpoints.ts'
import { REQUEST_MAX, type Served } from './protocol.ts'

/** Connections to the control socket at the same time. */
export const CONTROL_CONNECTIONS_MAX = 64
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

/** The port; system/unix-sockets.ts implements it. */
export interface UnixSockets {
  /** Makes the socket in place of a stale one, for whom `mask` leaves it (umask(2)), and listens there. */
  listen(server: Server, path: string, mask: number): Promise<void>
  /** The name of the user at the other end. Throws a Failure (69) when he is gone. */
  peerOf(socket: Socket): string
}

/** Listens on the socket; a stale one, that nobody answers, is replaced. The caller has made sure of that. */
export async function serveControl(
  path: string,
  daemon: Served,
  sockets: UnixSockets,
): Promise<AsyncDisposable> {
  const answering = openAnswering(daemon, sockets.peerOf)
  const serving = await serve({ path, mask: 0o117, sockets }, CONTROL, answering)
  return {
    async [Symbol.asyncDispose]() {
      answering[Symbol.dispose]()
      await serving[Symbol.asyncDispose]()
    },
  }
}

/** The counters alone, for whoever may enter the directory: nothing can be changed here, and no address is told. */
export async function serveMetrics(
  path: string,
  daemon: Pick<Served, 'metrics'>,
  sockets: UnixSockets,
): Promise<AsyncDisposable> {
  const { type } = ENDPOINTS.metrics.answer
  return serve({ path, mask: 0o111, sockets }, METRICS, {
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

interface Place {
  readonly path: string
  readonly mask: number
  readonly sockets: UnixSockets
}

async function serve(
  { path, mask, sockets }: Place,
  limits: Limits,
  answering: Answering,
): Promise<AsyncDisposable> {
  const { server, close } = serveRequests(limits, answering)
  try {
    await sockets.listen(server, path, mask)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`cannot make the control socket ${path}: ${(error as Error).message}`, {
      exit: (error as NodeJS.ErrnoException).code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable,
      hint: 'Set RUNTIME_DIRECTORY to a directory that flypaperd may write to.',
      cause: error,
    })
  }
  return { [Symbol.asyncDispose]: () => close(FAREWELL_MS) }
}

/** The sockets of the running daemon: control, for root, its owner and its group alone, and metrics, for everybody. */
import { mkdirSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
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

/** Listens on the socket; a stale one, that nobody answers, is replaced. The caller has made sure of that. */
export async function serveControl(path: string, daemon: Served): Promise<AsyncDisposable> {
  const answering = openAnswering(daemon)
  const serving = await serve(path, 0o117, CONTROL, answering)
  return {
    async [Symbol.asyncDispose]() {
      answering[Symbol.dispose]()
      await serving[Symbol.asyncDispose]()
    },
  }
}

/** The counters alone, for whoever may enter the directory: nothing can be changed here, and no address is told. */
export async function serveMetrics(path: string, daemon: Pick<Served, 'metrics'>): Promise<AsyncDisposable> {
  const { type } = ENDPOINTS.metrics.answer
  return serve(path, 0o111, METRICS, {
    async answer({ method, path }): Promise<Answer> {
      if (method === 'GET' && path === METRICS_PATH)
        return { status: 200, type, body: await daemon.metrics() }
      return { status: 404, type, body: `there is only ${METRICS_PATH}\n` }
    },
    refuse(error) {
      const isTheirs = error instanceof RangeError || (error instanceof Failure && error.exit === EXIT.usage)
      return { status: isTheirs ? 400 : 500, type, body: `${String(error)}\n` }
    },
  })
}

async function serve(
  path: string,
  mask: number,
  limits: Limits,
  answering: Answering,
): Promise<AsyncDisposable> {
  const { server, close } = serveRequests(limits, answering)
  try {
    await listen(server, path, mask)
  } catch (error) {
    throw new Failure(`cannot make the control socket ${path}: ${(error as Error).message}`, {
      exit: (error as NodeJS.ErrnoException).code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable,
      hint: 'Set RUNTIME_DIRECTORY to a directory that flypaperd may write to.',
      cause: error,
    })
  }
  return { [Symbol.asyncDispose]: () => close(FAREWELL_MS) }
}

async function listen(server: Server, path: string, mask: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // Nobody gets in between making the socket and restricting it.
    const before = process.umask(mask)
    server.listen(path, resolve)
    process.umask(before)
  })
}

/** The control socket of the running daemon. Only root, its owner and its group may speak to it. */
import { mkdirSync, rmSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { EXIT, Failure } from '../../terms/failure.ts'
import { answering } from './answering.ts'
import { ENDPOINTS } from './endpoints.ts'
import { createServer } from './http.ts'
import type { Served } from './protocol.ts'

/** Connections at the same time, at most. */
const CONNECTIONS_MAX = 64
/** Where Prometheus looks unless told. */
const METRICS_PATH = '/metrics'

/** Listens on the socket; a stale one, that nobody answers, is replaced. The caller has made sure of that. */
export async function serveControl(path: string, daemon: Served): Promise<AsyncDisposable> {
  const { answer, end } = answering(daemon)
  return serve(path, 0o117, answer, end)
}

/** The counters alone, for whoever may enter the directory: nothing can be changed here, and no address is told. */
export async function serveMetrics(path: string, daemon: Served): Promise<AsyncDisposable> {
  return serve(path, 0o111, async (request, response) => {
    const isAsked = request.method === 'GET' && request.url === METRICS_PATH
    const say = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': ENDPOINTS.metrics.answer.type }).end(text)
    if (!isAsked) say(404, `there is only ${METRICS_PATH}\n`)
    else
      await daemon.metrics().then(
        text => say(200, text),
        error => say(500, `${String(error)}\n`),
      )
  })
}

async function serve(
  path: string,
  mask: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  end = () => {},
): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: 10_000 }, answer)
  server.maxConnections = CONNECTIONS_MAX
  try {
    await listen(server, path, mask)
  } catch (error) {
    throw new Failure(`cannot make the control socket ${path}: ${(error as Error).message}`, {
      exit: (error as NodeJS.ErrnoException).code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable,
      hint: 'Set RUNTIME_DIRECTORY to a directory that flypaperd may write to.',
      cause: error,
    })
  }
  return {
    async [Symbol.asyncDispose]() {
      end()
      const closed = new Promise(resolve => server.close(resolve))
      // The answer to `stop` is still on its way; whoever is slow must not keep us.
      setTimeout(() => server.closeAllConnections(), 1000).unref()
      await closed
    },
  }
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

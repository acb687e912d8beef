/** The control socket of the running daemon. Only root, its owner and its group may speak to it. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { answering } from './answering.ts'
import { ENDPOINTS } from './endpoints.ts'
import { createServer } from './http.ts'
import type { Served } from './protocol.ts'

/** Connections at the same time, at most. */
const CONNECTIONS_MAX = 64
/** Where Prometheus looks unless told. */
const METRICS_PATH = '/metrics'

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
  const { answer, end } = answering(daemon, sockets.peerOf)
  return serve({ path, mask: 0o117, sockets }, answer, end)
}

/** The counters alone, for whoever may enter the directory: nothing can be changed here, and no address is told. */
export async function serveMetrics(
  path: string,
  daemon: Served,
  sockets: UnixSockets,
): Promise<AsyncDisposable> {
  return serve({ path, mask: 0o111, sockets }, async (request, response) => {
    const isAsked = request.method === 'GET' && request.url === METRICS_PATH
    const say = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': ENDPOINTS.metrics.answer.type }).end(text)
    if (!isAsked) say(404, `there is only ${METRICS_PATH}\n`)
    else
      await daemon.metrics().then(
        text => say(200, text),
        error => say(500, `${escapeText(String(error))}\n`),
      )
  })
}

interface Place {
  readonly path: string
  readonly mask: number
  readonly sockets: UnixSockets
}

async function serve(
  { path, mask, sockets }: Place,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  end = () => {},
): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: 10_000 }, answer)
  server.maxConnections = CONNECTIONS_MAX
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

/** The control socket of the running daemon. Only its owner may speak to it. */
import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { dirname } from 'node:path'
import { z } from 'zod'
import { EXIT, Failure } from '../../terms/failure.ts'
import { type Control, FlushRequest, FreeRequest, REQUEST_MAX } from './protocol.ts'

/** Connections at the same time, at most. */
const CONNECTIONS_MAX = 64

type Handler = (body: unknown) => Promise<unknown>

/** Listens on the socket; a stale one, that nobody answers, is replaced. The caller has made sure of that. */
export async function serveControl(path: string, control: Control): Promise<AsyncDisposable> {
  const handlers: Record<string, Handler> = {
    'GET /v1/status': () => control.status(),
    'POST /v1/free': async body => {
      const { who, by } = FreeRequest.parse(body)
      return control.free(who, by)
    },
    'POST /v1/flush': async body => ({ flies: await control.flush(FlushRequest.parse(body).by) }),
    'POST /v1/stop': async body => answerNothing(control.stop(FlushRequest.parse(body).by)),
    'POST /v1/leave': () => answerNothing(control.leave()),
    'POST /v1/confirm': () => answerNothing(control.confirm()),
  }
  const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
    const { status, body } = await answer(request, handlers)
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
  })
  server.maxConnections = CONNECTIONS_MAX
  try {
    await listen(server, path)
  } catch (error) {
    throw new Failure(`cannot make the control socket ${path}: ${(error as Error).message}`, {
      exit: (error as NodeJS.ErrnoException).code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable,
      hint: 'Set RUNTIME_DIRECTORY to a directory that flypaperd may write to.',
      cause: error,
    })
  }
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      // The answer to `stop` is still on its way; whoever is slow must not keep us.
      setTimeout(() => server.closeAllConnections(), 1000).unref()
      await closed
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // Nobody gets in between making the socket and restricting it.
    const mask = process.umask(0o177)
    server.listen(path, resolve)
    process.umask(mask)
  })
}

async function answer(
  request: IncomingMessage,
  handlers: Record<string, Handler>,
): Promise<{ status: number; body: unknown }> {
  const handler = handlers[`${request.method} ${request.url}`]
  if (handler === undefined)
    return { status: 404, body: { error: `there is no ${request.method} ${request.url}` } }
  try {
    return { status: 200, body: await handler(await readBody(request)) }
  } catch (error) {
    if (error instanceof z.ZodError) return { status: 400, body: { error: z.prettifyError(error) } }
    if (error instanceof SyntaxError || error instanceof RangeError)
      return { status: 400, body: { error: error.message } }
    if (error instanceof Failure)
      return { status: error.exit === EXIT.usage ? 400 : 500, body: { error: error.message } }
    return { status: 500, body: { error: String(error) } }
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += (chunk as Buffer).length
    if (length > REQUEST_MAX) throw new RangeError(`a request has at most ${REQUEST_MAX} bytes`)
    chunks.push(chunk as Buffer)
  }
  return length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString())
}

async function answerNothing(done: Promise<void>): Promise<object> {
  await done
  return {}
}

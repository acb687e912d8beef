/** The page of `flypaperd web` beside a daemon of which a test says what it answers; and what ssh -L does. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { bundlePage } from '../../scripts/bundle.ts'
import type { Served } from '../../src/surface/control/protocol.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { servePage, type WebOptions } from '../../src/surface/web/serve.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'

export interface Page extends AsyncDisposable {
  /** Of the daemon's sockets. */
  readonly directory: string
  /** The page's socket. */
  readonly socket: string
  /** The socket of links. */
  readonly links: string
  /** The token of a link for anna. */
  link(): string
  /** Nobody has looked for so long. */
  readonly isIdle: Promise<void>
  /** The daemon ends; it is started again by what this resolves to. */
  stop(): Promise<() => Promise<void>>
}

export async function pageBeside(served: Served, options: Partial<WebOptions> = {}): Promise<Page> {
  await using opening = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'flypaperd-test-page-'))
  opening.defer(async () => rmSync(directory, { recursive: true, force: true }))
  const files = join(directory, 'page')
  await bundlePage(files)
  const control = join(directory, 'control.sock')
  const unixSockets = { listen: listenAt, peerOf: () => 'anna' }
  const start = () => serveControl(control, served, unixSockets)
  let daemon = await start()
  opening.defer(() => daemon[Symbol.asyncDispose]())
  const web = opening.use(
    await servePage({
      control,
      directory,
      passed: [],
      host: undefined,
      unixSockets,
      page: file => readFileSync(join(files, file)),
      now: Date.now,
      ...options,
    }),
  )
  const opened = opening.move()
  return {
    directory,
    socket: join(directory, 'web.sock'),
    links: join(directory, 'link.sock'),
    link: () => web.sessions.link('anna'),
    isIdle: web.isIdle,
    async stop() {
      await daemon[Symbol.asyncDispose]()
      return async () => {
        daemon = await start()
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** One request, with a Host of ours unless told. `value`: its JSON, or else its text. */
export function askPage(
  socketPath: string,
  path: string,
  { method = 'GET', headers = {}, body = '' }: Asked = {},
) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; value: unknown }>(
    (resolve, reject) => {
      const sent = { host: 'localhost:8427', 'content-length': `${Buffer.byteLength(body)}`, ...headers }
      const asked = request({ socketPath, path, method, headers: sent, agent: false }, async response => {
        const text = await textOf(response)
        const isJson = response.headers['content-type'] === 'application/json'
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          value: isJson ? JSON.parse(text) : text,
        })
      })
      asked.on('error', reject)
      asked.end(body)
    },
  )
}

/** A session, by a link of this token. */
export async function sessionOf(socket: string, token: string): Promise<string> {
  const { value } = await askPage(socket, '/session', { method: 'POST', body: JSON.stringify({ token }) })
  return (value as { session: string }).session
}

/** Takes a port of the loopback to the socket, as `ssh -L` does. */
export async function forwardPort(socket: string): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer(from => {
    const to = connect(socket)
    from.pipe(to).pipe(from)
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
  })
  const open = new Set<{ destroy(): void }>()
  server.on('connection', one => {
    open.add(one)
    one.on('close', () => open.delete(one))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const one of open) one.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/**
 * One request a connection, then its answer, then the end: whoever connects costs this much and no more, however many requests he
 * sends and however slowly he sends and reads. What node:http does instead: docs/decisions/0034-one-request-a-connection.md
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { type Request, type RequestLimits, requestReader } from './request.ts'

export interface Limits extends RequestLimits {
  /** Connections at the same time. */
  readonly connections: number
  /** Milliseconds until a request has to be whole. */
  readonly askMs: number
  /** Milliseconds until its answer has to be read. */
  readonly readMs: number
}

/** The answer as a whole, or one that goes on. */
export type Answer = (
  | { readonly status: number; readonly type: string; readonly body: string | Uint8Array }
  | { readonly type: string; follow(stream: Writable): void }
) & { readonly headers?: Readonly<Record<string, string>> }

export interface Answering {
  /** The socket tells who asks. */
  answer(request: Request, socket: Socket): Promise<Answer>
  /** What is no request, or was not whole in time. */
  refuse(error: unknown): Answer
}

const STATUS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
}

export interface Serving {
  /** It does not listen yet. */
  readonly server: Server
  /** Another one in its place, when nobody finds that any more: whoever is connected stays. It does not listen yet. */
  again(): Server
  /** Listens no more; resolves when all are gone: who has asked has `ms` milliseconds to be answered. */
  close(ms: number): Promise<void>
}

export function serveRequests(limits: Limits, answering: Answering): Serving {
  const open = new Set<Socket>()
  /** Those whose request is not whole yet, in the order in which they came. */
  const asking = new Set<Socket>()

  /** Whoever only keeps a place gives it to whoever comes. */
  function makeRoom(): boolean {
    if (open.size < limits.connections) return true
    const [oldest] = asking
    if (oldest === undefined) return false
    leave(oldest)
    oldest.destroy()
    return true
  }

  function leave(socket: Socket): void {
    open.delete(socket)
    asking.delete(socket)
  }

  function take(socket: Socket): void {
    if (!makeRoom()) return void socket.destroy()
    open.add(socket)
    asking.add(socket)
    socket.on('error', () => {}) // Whoever hangs up has: `close` comes next.
    socket.on('close', () => leave(socket))
    converse(socket, limits, answering, () => asking.delete(socket))
  }

  // Who has sent his request and says that nothing follows wants his answer all the same. Beyond a head, nothing is read ahead.
  const fresh = () => createServer({ allowHalfOpen: true, highWaterMark: limits.head }, take)
  const first = fresh()
  let server = first
  return {
    server: first,
    again() {
      // Before the next one listens: closing takes the name away, whoever has it by then.
      server.close()
      server = fresh()
      return server
    },
    async close(ms) {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const socket of asking) socket.destroy()
      setTimeout(() => {
        for (const socket of open) socket.destroy()
      }, ms).unref()
      await closed
    },
  }
}

function converse(socket: Socket, limits: Limits, { answer, refuse }: Answering, asked: () => void): void {
  const read = requestReader(limits, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n'))
  const late = () => end(refuse(new RangeError(`a request has to be whole within ${limits.askMs} ms`)))
  let deadline = afterReading(limits.askMs, late)
  socket.on('close', () => deadline[Symbol.dispose]())
  socket.once('end', hangUp)
  socket.on('data', take)

  function hangUp(): void {
    socket.destroy()
  }

  function take(chunk: Buffer): void {
    try {
      const request = read(chunk)
      if (request === undefined) return
      rest()
      answer(request, socket).then(end, error => end(refuse(error)))
    } catch (error) {
      end(refuse(error))
    }
  }

  /** From here on nothing is read: what else was sent stays with the kernel, which lets nobody send much. */
  function rest(): void {
    asked()
    deadline[Symbol.dispose]()
    socket.off('data', take)
    socket.off('end', hangUp)
    socket.pause()
  }

  function end(answer: Answer): void {
    rest()
    if (socket.destroyed) return
    if ('follow' in answer) {
      // Now only the end is waited for, and whoever goes on talking has it at once.
      socket.on('data', hangUp).on('end', hangUp).resume()
      socket.write(headOf(200, answer))
      answer.follow(socket)
      return
    }
    deadline = afterReading(limits.readMs, hangUp)
    const body = Buffer.from(answer.body as Uint8Array)
    socket.end(Buffer.concat([Buffer.from(headOf(answer.status, answer, body.length)), body]))
    socket.once('finish', hangUp)
  }
}

/**
 * Calls back after so long, unless disposed of before. Timers come before sockets: where the daemon was busy meanwhile, what came in time
 * is read first.
 */
function afterReading(ms: number, act: () => void): Disposable {
  let immediate: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    immediate = setImmediate(act)
  }, ms)
  return {
    [Symbol.dispose]() {
      clearTimeout(timer)
      clearImmediate(immediate)
    },
  }
}

/** Without a length the answer ends with the connection. */
function headOf(status: number, { type, headers = {} }: Answer, length?: number): string {
  return [
    `HTTP/1.1 ${status} ${STATUS[status] ?? ''}`,
    `content-type: ${type}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(length === undefined ? [] : [`content-length: ${length}`]),
    'connection: close\r\n\r\n',
  ].join('\r\n')
}

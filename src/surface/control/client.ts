/** Speaks to the running daemon over its socket. */
import { request } from 'node:http'
import type { z } from 'zod'
import { EXIT, Failure } from '../../terms/failure.ts'
import { type Control, ErrorAnswer, FlushAnswer, FreeAnswer, StatusAnswer } from './protocol.ts'

const PATIENCE_MS = 30_000

/** The running daemon; undefined when none answers. Throws a Failure (77) when the socket may not be opened. */
export async function reachDaemon(path: string): Promise<Control | undefined> {
  const control = clientOf(path)
  try {
    await control.status()
    return control
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return undefined
    if (code === 'EACCES' || code === 'EPERM') throw noPermission(path, error)
    throw error
  }
}

function clientOf(path: string): Control {
  const get = async (url: string) => ask(path, 'GET', url)
  const post = async (url: string, body?: object) =>
    ask(path, 'POST', url, body).catch(error => {
      throw (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? goneDaemon(error) : error
    })
  return {
    status: async () => parse(StatusAnswer, await get('/v1/status')),
    free: async (who, by) => parse(FreeAnswer, await post('/v1/free', { who, by })),
    flush: async by => parse(FlushAnswer, await post('/v1/flush', { by })).flies,
    stop: async by => void (await post('/v1/stop', { by })),
    leave: async () => void (await post('/v1/leave')),
    confirm: async () => void (await post('/v1/confirm')),
  }
}

async function ask(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asked = request({ socketPath, method, path, timeout: PATIENCE_MS, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    asked.on('timeout', () => asked.destroy(silentDaemon(socketPath)))
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
  const answer: unknown = JSON.parse(text)
  if (status === 200) return answer
  const { data } = ErrorAnswer.safeParse(answer)
  throw new Failure(`the daemon refused: ${data?.error ?? text}`, {
    exit: status === 400 ? EXIT.usage : EXIT.unavailable,
  })
}

function parse<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new Failure('the running daemon speaks differently: it is another version than this command', {
    exit: EXIT.unavailable,
    hint: 'Restart it: flypaperd restart',
    cause: parsed.error,
  })
}

function silentDaemon(path: string): Failure {
  return new Failure(`the daemon behind ${path} does not answer within ${PATIENCE_MS / 1000} s`, {
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

function noPermission(path: string, cause: unknown): Failure {
  return new Failure(`no permission to speak to the daemon through ${path}`, {
    exit: EXIT.noPermission,
    hint: 'Run it as root: sudo flypaperd …',
    cause,
  })
}

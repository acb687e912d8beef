/** One POST by HTTPS. Certificates are looked at; redirects are not followed, as they would take secrets elsewhere; what comes back is dropped. */
import { readFileSync } from 'node:fs'
import type { Parcel } from '../outside/world.ts'
import { EXIT, Failure } from '../terms/failure.ts'

/** Until the answer has begun, from the beginning: names, TLS and all. */
export const POST_MS = 30_000

/** Rejects with a Failure. */
export async function post({ url, headers, caFile, body }: Parcel, patience = POST_MS): Promise<void> {
  const to = new URL(url)
  const ca = certificates(caFile)
  const ended = AbortSignal.timeout(patience)
  // Loaded here, so that the daemon, which is the same program, has no TLS in its memory.
  const { request } = to.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const status = await new Promise<number>((resolve, reject) => {
    const asked = request(to, {
      method: 'POST',
      agent: false,
      signal: ended,
      headers: {
        'User-Agent': 'flypaperd',
        ...headers,
        'Content-Length': Buffer.byteLength(body),
        Connection: 'close',
      },
      ...(ca && { ca }),
    })
    asked.on('error', error =>
      reject(ended.aborted ? late(to, patience) : refusal(`${to.host}: ${wordsOf(error)}`)),
    )
    asked.on('response', response => {
      response.on('error', () => {})
      resolve(response.statusCode ?? 0)
      response.destroy() // However long it is.
    })
    asked.end(body)
  })
  if (status >= 200 && status < 300) return
  if (status >= 300 && status < 400)
    throw refusal(
      `${to.host} answers ${status}: it wants to be asked elsewhere, which is not followed; write that URL`,
    )
  throw refusal(`${to.host} answers ${status}`)
}

/** PEM, of those who may sign, instead of the public ones. Throws a Failure. */
export function certificates(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw refusal(`the certificates in ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Of several addresses each may have failed in its own way. */
export function wordsOf(error: Error): string {
  if (error instanceof AggregateError)
    return [...new Set(error.errors.map(one => (one as Error).message))].join('; ')
  return error.message
}

function late({ host }: URL, patience: number): Failure {
  return refusal(`${host} does not answer within ${patience / 1000} s`)
}

function refusal(message: string): Failure {
  return new Failure(message, { exit: EXIT.unavailable })
}

/** Asks whoever serves the page for a link to it, by the socket of links. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { EXIT, Failure } from '../../terms/failure.ts'
import { request } from '../control/http.ts'

const PATIENCE_MS = 5000

/** Whoever serves the page already keeps it. Throws a Failure (69). */
export async function refuseSecond(path: string): Promise<void> {
  const answers = await askFor(path, 'GET').then(
    () => true,
    () => false,
  )
  if (!answers) return
  throw new Failure('the page is served already', {
    exit: EXIT.unavailable,
    hint: 'A link to it: flypaperd web --link',
  })
}

/** A token for a link, of who serves the page. Throws a Failure: 69 where nobody does, 77 where we may not ask. */
export async function linkFrom(path: string): Promise<string> {
  try {
    return (JSON.parse(await askFor(path, 'POST')) as { token: string }).token
  } catch (cause) {
    const isClosed = (cause as NodeJS.ErrnoException).code === 'EACCES'
    throw isClosed
      ? new Failure(`no permission to open ${path}`, {
          exit: EXIT.noPermission,
          hint: 'Run it as root, or be a member of the group flypaperd-operate.',
          cause,
        })
      : new Failure(`nobody serves the page at ${path}`, {
          exit: EXIT.unavailable,
          hint: 'Serve it: flypaperd web, or systemctl enable --now flypaperd-web.socket',
          cause,
        })
  }
}

async function askFor(socketPath: string, method: string): Promise<string> {
  const asking = request({ socketPath, agent: false, method, path: '/link', timeout: PATIENCE_MS })
  asking.on('timeout', () => asking.destroy(new Error('no answer in time')))
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  return textOf(response)
}

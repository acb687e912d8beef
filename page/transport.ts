/** How the page speaks to the daemon: by the server of `flypaperd web`, or by Cockpit's bridge. */

export interface Reply {
  readonly status: number
  /** What the answer says, or what is wrong. */
  readonly value: unknown
}

export interface Transport {
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Reply>
  /** An answer that goes on, line by line; where an older daemon knows no query there, without one; resolves to its status when it has ended. Rejects where nothing answers. */
  lines(path: string, to: LinesTo, signal: AbortSignal): Promise<number>
}

export interface LinesTo {
  /** It has begun; nothing needs to have happened yet. */
  begun(): void
  line(line: string): void
}

/** There is no session, and no link that opens one. */
export const NO_SESSION = 401
const NOT_FOUND = 404
const PATIENCE_MS = 30_000
const KEPT_AS = 'flypaperd-session'

/** The token leaves the address bar at once, and is worth nothing once it was sent. */
function takeToken(): string {
  const token = location.hash.slice(1)
  if (!/^[\w-]{20,100}$/.test(token)) return ''
  history.replaceState(null, '', location.pathname)
  return token
}

/** The session is kept for this tab, and sent as a header: no other page can do that, whatever port it is served at. */
export function byServer(): Transport {
  const opened = openSession(takeToken())

  async function send(method: string, path: string, body: object | undefined, signal: AbortSignal) {
    await opened
    const headers = { authorization: `Bearer ${sessionStorage.getItem(KEPT_AS) ?? ''}` }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    return fetch(path.slice(1), { method, headers, signal, credentials: 'omit', ...sent })
  }

  return {
    async ask(method, path, body) {
      const response = await send(method, path, body, AbortSignal.timeout(PATIENCE_MS))
      return { status: response.status, value: await response.json() }
    },
    async lines(path, to, signal) {
      const response = await send('GET', path, undefined, signal)
      if (response.status !== 200 || response.body === null) return response.status
      to.begun()
      const cut = lineCutter(to.line)
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (let read = await reader.read(); !read.done; read = await reader.read()) cut(read.value)
      return response.status
    },
  }
}

async function openSession(token: string): Promise<void> {
  if (token === '') return
  const response = await fetch('session', { method: 'POST', body: JSON.stringify({ token }) })
  if (response.status !== 200) return
  const { session } = (await response.json()) as { session: string }
  sessionStorage.setItem(KEPT_AS, session)
}

/** Calls back with each whole line. */
export function lineCutter(take: (line: string) => void): (text: string) => void {
  let begun = ''
  return text => {
    const lines = (begun + text).split('\n')
    begun = lines.pop() ?? ''
    for (const line of lines) if (line !== '') take(line)
  }
}

/** What is used of cockpit.js. */
interface CockpitRequest extends Promise<string> {
  stream(take: (text: string) => void): CockpitRequest
  response(take: (status: number) => void): CockpitRequest
  close(): void
}
interface Cockpit {
  http(
    socket: string,
    options: { superuser: 'try' },
  ): {
    request(asked: { method: string; path: string; body: string; headers: object }): CockpitRequest
  }
  user(): Promise<{ name: string }>
}

const SOCKETS = '/run/flypaperd'

/** Cockpit knows who is there, and may be allowed to be root: the sockets are the same. */
export function byCockpit(cockpit: Cockpit): Transport {
  const of = (socket: string) => cockpit.http(`${SOCKETS}/${socket}`, { superuser: 'try' })
  const sockets = { GET: of('watch.sock'), POST: of('operate.sock') }
  const request = (method: 'GET' | 'POST', path: string, body = '') =>
    sockets[method].request({ method, path, body, headers: { 'Content-Type': 'application/json' } })
  const follow: Transport['lines'] = async (path, to, signal) => {
    const asked = request('GET', path)
    asked.response(status => status === 200 && to.begun()).stream(lineCutter(to.line))
    signal.addEventListener('abort', () => asked.close())
    try {
      await asked
      return 200
    } catch (failure) {
      return (failure as { status?: number }).status ?? 502
    }
  }
  return {
    async ask(method, path, body) {
      const by = body === undefined ? {} : { by: (await cockpit.user()).name }
      try {
        const text = await request(method, path, body && JSON.stringify({ ...body, ...by }))
        return { status: 200, value: JSON.parse(text) }
      } catch (failure) {
        const { status = 502, message = '' } = failure as { status?: number; message?: string }
        return { status, value: { error: message } }
      }
    },
    async lines(path, to, signal) {
      const status = await follow(path, to, signal)
      return status === NOT_FOUND ? follow(path.replace(/\?.*/, ''), to, signal) : status
    },
  }
}

export function transport(): Transport {
  const { cockpit } = globalThis as { cockpit?: Cockpit }
  return cockpit === undefined ? byServer() : byCockpit(cockpit)
}

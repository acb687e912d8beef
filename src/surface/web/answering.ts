/** What the page's server answers: the files of the page to everybody, all else to who has a session. */
import { Failure } from '../../terms/failure.ts'
import type { Answer, Answering } from '../control/connections.ts'
import type { Request } from '../control/request.ts'
import { refusalOf } from './guard.ts'
import { error, type PassOn } from './pass-on.ts'
import type { Sessions } from './sessions.ts'

/** The files of the page by the path at which they are asked for, with their type. No other path leads to a file. */
export const PAGE_FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** With every answer. */
export const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
}

export interface Web {
  readonly sessions: Sessions
  readonly passOn: PassOn
  /** A file of the page. */
  page(file: string): Uint8Array
  /** The name behind a reverse proxy. */
  readonly host: string | undefined
  /** Called with each request. */
  looked(): void
}

export function answersOfPage(web: Web): Answering {
  return {
    async answer(request) {
      web.looked()
      return guarded(await answer(web, request))
    },
    refuse: failure => guarded(refused(failure)),
  }
}

/** The link for who may open the socket of links; `nameOf` tells who that is. */
export function answersOfLinks(
  sessions: Sessions,
  nameOf: (socket: Parameters<Answering['answer']>[1]) => string,
): Answering {
  return {
    async answer({ method, path }, socket) {
      if (method !== 'POST' || path !== '/link') return error(404, 'there is only POST /link')
      return json({ token: sessions.link(nameOf(socket)) })
    },
    refuse: refused,
  }
}

async function answer(web: Web, request: Request): Promise<Answer> {
  const { method, path, body, headers } = request
  const why = refusalOf(request, web.host)
  if (why !== undefined) return error(403, why)
  const [file, type] = (method === 'GET' && Object.hasOwn(PAGE_FILES, path) && PAGE_FILES[path]) || []
  if (file !== undefined && type !== undefined) return { status: 200, type, body: web.page(file) }
  if (method === 'POST' && path === '/session') {
    const opened = web.sessions.open(tokenOf(body))
    return opened === undefined ? error(401, 'this link was used already, or is too old') : json(opened)
  }
  const [, session = ''] = /^Bearer ([\w-]{1,100})$/.exec(headers.get('authorization') ?? '') ?? []
  const by = web.sessions.user(session)
  return by === undefined ? error(401, 'there is no such session') : web.passOn(request, by)
}

function tokenOf(body: Buffer): string {
  try {
    const { token } = JSON.parse(body.toString()) as { token?: unknown }
    return typeof token === 'string' ? token : ''
  } catch {
    return ''
  }
}

function refused(failure: unknown): Answer {
  const isTheirs = failure instanceof Failure || failure instanceof RangeError
  return error(isTheirs ? 400 : 500, isTheirs ? failure.message : 'this is a bug of the page')
}

function guarded(given: Answer): Answer {
  return { ...given, headers: HEADERS }
}

function json(value: object): Answer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}

/** Who may use the page: a link with a token opens a session once, and a session is sent along with every request. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Links that were given out and not opened, at most; the oldest goes. */
export const LINKS_MAX = 8
/** Sessions at the same time, at most; the one that was used longest ago goes. */
export const SESSIONS_MAX = 16
/** Milliseconds until a link that nobody has opened is worth nothing. */
export const LINK_MS = 600_000
/** Milliseconds until a session that nobody uses ends. */
export const SESSION_MS = 8 * 3_600_000
const SECRET_BYTES = 32

export interface Sessions {
  /** A token for a link that opens one session. `by`: for whom. */
  link(by: string): string
  /** The secret of a new session, and for whom it is; undefined for a token that is none, or was used, or is too old. */
  open(token: string): { readonly session: string; readonly by: string } | undefined
  /** For whom this session is; undefined for none. */
  user(session: string): string | undefined
}

interface Known {
  readonly hash: Buffer
  readonly by: string
  until: number
}

/** `now`: milliseconds. What is kept is no secret: hashes. */
export function openSessions(now: () => number): Sessions {
  const links: Known[] = []
  const sessions: Known[] = []

  function add(to: Known[], most: number, by: string, lasts: number): string {
    const secret = randomBytes(SECRET_BYTES).toString('base64url')
    to.push({ hash: hashOf(secret), by, until: now() + lasts })
    if (to.length > most) to.splice(0, to.length - most)
    return secret
  }

  /** Looks at all of them, however many are like it, and takes out the one that is found. */
  function take(from: Known[], secret: string): Known | undefined {
    const hash = hashOf(secret)
    const [found] = from.filter(known => timingSafeEqual(known.hash, hash))
    if (found === undefined) return undefined
    from.splice(from.indexOf(found), 1)
    return found.until > now() ? found : undefined
  }

  return {
    link: by => add(links, LINKS_MAX, by, LINK_MS),
    open(token) {
      const found = take(links, token)
      if (found === undefined) return undefined
      return { session: add(sessions, SESSIONS_MAX, found.by, SESSION_MS), by: found.by }
    },
    user(session) {
      const found = take(sessions, session)
      if (found === undefined) return undefined
      found.until = now() + SESSION_MS
      sessions.push(found)
      return found.by
    },
  }
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

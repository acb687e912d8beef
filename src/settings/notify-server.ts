/** The mail server as [notify.mail] names it. */
import { plain } from './bridge.ts'
import type { Kind } from './kinds.ts'
import { isThisMachine } from './notify-kinds.ts'
import type { MailServer } from './settings.ts'

const EXAMPLE = 'write it as in "smtps://user@mail.example.org" or "smtp://localhost"'

const server: Kind<MailServer> = {
  takes: 'a URL of a mail server',
  read(value) {
    const isText = typeof value === 'string' && value.length <= 500 && !/[\s\p{C}]/u.test(value)
    const url = isText && URL.canParse(value) ? new URL(value) : undefined
    if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === '')
      return { advice: EXAMPLE }
    if (url.password !== '')
      return {
        problem: 'has a password in it',
        advice: 'write the password into a file, and password_file = "/etc/flypaperd/mail.password"',
      }
    if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '')
      return { problem: 'says more than user, host and port', advice: EXAMPLE }
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const tls = url.protocol === 'smtps:' ? 'at-once' : isThisMachine(host) ? 'none' : 'by-starttls'
    const user = decoded(url.username)
    if (user === undefined) return { advice: 'write a % in the name of the user as %25' }
    return { value: { host, port: Number(url.port) || PORTS[tls], tls, ...(user !== '' && { user }) } }
  },
}

const PORTS = { 'at-once': 465, 'by-starttls': 587, none: 25 } as const

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

export const mailServer = { ...server, optional: plain(server).optional() }

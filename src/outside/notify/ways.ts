/** The ways by which somebody is told, from the settings. Secrets are read when they are needed: a new one counts at once. */
import { readUrl } from '../../settings/notify-kinds.ts'
import type { Notify, Secret } from '../../settings/settings.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Carriers } from '../world.ts'
import type { Message } from './message.ts'
import { bodyOf } from './templates.ts'

export interface Way {
  readonly name: 'mail' | 'webhook' | 'command'
  /** Rejects with why it could not; the text holds no secret. */
  deliver(message: Message): Promise<void>
}

/** Headers that a file may add. */
const HEADERS_MAX = 16
/** Characters of an error that is told. */
const ERROR_MAX = 300

export function waysOf({ mail, webhook, command }: Notify, carriers: Carriers): readonly Way[] {
  return [
    ...(mail === undefined ? [] : [hushed('mail', carriers, mailBy(mail))]),
    ...(webhook === undefined ? [] : [hushed('webhook', carriers, webhookBy(webhook))]),
    ...(command.length === 0 ? [] : [hushed('command', carriers, commandBy(command))]),
  ]
}

/** What a server answers may repeat what it was sent: no secret that was read for it leaves in an error. */
function hushed(
  name: Way['name'],
  carriers: Carriers,
  deliver: (message: Message, carriers: Carriers) => Promise<void>,
): Way {
  return {
    name,
    async deliver(message) {
      const secrets: string[] = []
      const read = (secret: Secret) => {
        const text = carriers.read(secret)
        secrets.push(...secretsIn(text))
        return text
      }
      try {
        await deliver(message, { ...carriers, read })
      } catch (error) {
        const said = error instanceof Failure ? error.message : String(error)
        throw new Failure(escapeText(without(secrets, said)).slice(0, ERROR_MAX), { exit: EXIT.unavailable })
      }
    },
  }
}

/** Shorter pieces are words of any text. */
const SECRET_MIN = 4
const PIECE_MIN = 8

/** The whole, each line, and what stands in it: of a URL what follows the host, of a header its value. */
function secretsIn(text: string): string[] {
  const { pathname, search } = URL.canParse(text) ? new URL(text) : { pathname: '', search: '' }
  const values = text.includes('://')
    ? [pathname, ...pathname.split('/'), search]
    : text.split('\n').flatMap(line => [line, ...line.replace(/^[\w-]+:/, '').split(/\s+/)])
  return [text, ...values.filter(({ length }) => length >= PIECE_MIN)].filter(
    ({ length }) => length >= SECRET_MIN,
  )
}

function without(secrets: readonly string[], text: string): string {
  const longFirst = [...secrets].sort((one, other) => other.length - one.length)
  return longFirst.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

function mailBy({ server, password, caFile, from, to }: NonNullable<Notify['mail']>) {
  return async ({ subject, text, kind }: Message, { read, mail }: Carriers) => {
    const secret = password === undefined ? undefined : read(password)
    await mail({ server, password: secret, caFile, from, to, subject, text, kind })
  }
}

function webhookBy({ url, template, headers, caFile }: NonNullable<Notify['webhook']>) {
  return async (message: Message, { read, post }: Carriers) => {
    const shape = bodyOf(template, message)
    const own = headers === undefined ? {} : headersOf(read(headers), headers)
    const to = typeof url === 'string' ? url : urlOf(read(url), url)
    await post({ url: to, headers: { ...shape.headers, ...own }, caFile, body: shape.body })
  }
}

function commandBy(program: readonly string[]) {
  return async ({ kind, subject, text }: Message, { run }: Carriers) =>
    await run(program, `${subject}\n\n${text}`, { FLYPAPERD_KIND: kind, FLYPAPERD_SUBJECT: subject })
}

function urlOf(text: string, secret: Secret): string {
  const read = readUrl(text)
  if ('value' in read) return read.value
  throw new Failure(`the URL in ${nameOf(secret)} ${read.problem}: ${read.advice}`, { exit: EXIT.settings })
}

/** Lines as `Authorization: Bearer …`. The text of a mistake is not repeated. */
function headersOf(text: string, secret: Secret): Readonly<Record<string, string>> {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const wrong = (what: string) => new Failure(`${nameOf(secret)}: ${what}`, { exit: EXIT.settings })
  if (lines.length > HEADERS_MAX) throw wrong(`more than ${HEADERS_MAX} headers`)
  return Object.fromEntries(
    lines.map((line, i) => {
      const [, name, value] = /^([A-Za-z][\w-]{0,63}):[ \t]*([\x20-\x7e]{1,1000})$/.exec(line.trim()) ?? []
      if (name === undefined || value === undefined)
        throw wrong(`line ${i + 1} is no header: write it as in "Authorization: Bearer …"`)
      if (/^(host|content-length|transfer-encoding|connection)$/i.test(name))
        throw wrong(`line ${i + 1}: ${name} cannot be set`)
      return [name, value]
    }),
  )
}

export function nameOf(secret: Secret): string {
  return 'file' in secret ? escapeText(secret.file) : `the credential ${secret.credential}`
}

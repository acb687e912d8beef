/** The table [notify]: who is told what, and by which ways. Secrets stand in files, never in the settings. */
import * as z from 'zod'
import { list, optionalTable, report, setting } from './bridge.ts'
import * as kinds from './kinds.ts'
import { address, command, credential, timeOfDay, url, wholePath } from './notify-kinds.ts'
import { mailServer } from './notify-server.ts'
import { DIGESTS, NOTICES, type Notify, type Secret, TEMPLATES } from './settings.ts'

const secretFile = wholePath('of a file that others may not read')

export const mailSettings = {
  to: list(
    address,
    kinds.list('mail addresses', 'root@example.org'),
    'to whom',
    [],
    kinds.atMost(16, 'mail addresses'),
  ),
  from: address.optional,
  server: mailServer.optional,
  password_file: secretFile.optional,
  credential: credential.optional,
  ca_file: wholePath('of a file of certificates').optional,
}

export const webhookSettings = {
  url: url.optional,
  url_file: secretFile.optional,
  url_credential: credential.optional,
  template: setting(kinds.choice(...TEMPLATES), 'json', 'whose shape the body has'),
  headers_file: secretFile.optional,
  headers_credential: credential.optional,
  ca_file: wholePath('of a file of certificates').optional,
}

const mail = z
  .strictObject(mailSettings)
  .superRefine((given, context) => {
    const { to, from, server, password_file, credential } = given
    if (isNothing({ ...given, to: to.length > 0 || undefined })) return
    const lacks = [...(to.length === 0 ? ['to'] : []), ...missing({ from, server })]
    if (lacks.length > 0) refuse(context, `lacks ${lacks.join(', ')}`, 'write to, from and server')
    if (password_file !== undefined && credential !== undefined)
      refuse(context, 'has its password twice', 'write password_file or credential')
    const hasPassword = password_file !== undefined || credential !== undefined
    if (server !== undefined && (server.user !== undefined) !== hasPassword)
      refuse(
        context,
        hasPassword ? 'has a password, and its server names no user' : 'names a user, and has no password',
        'write server = "smtps://USER@HOST" and password_file, or neither user nor password',
      )
  })
  .transform(({ to, from, server, password_file, credential, ca_file }): Notify['mail'] => {
    if (to.length === 0 || from === undefined || server === undefined) return undefined
    const password = secretOf(password_file, credential)
    return { to, from, server, ...(password && { password }), ...(ca_file && { caFile: ca_file }) }
  })

const webhook = z
  .strictObject(webhookSettings)
  .superRefine((given, context) => {
    const { url, url_file, url_credential, headers_file, headers_credential, template } = given
    if (isNothing({ ...given, template: undefined }) && template === 'json') return
    const urls = [url, url_file, url_credential].filter(one => one !== undefined)
    if (urls.length !== 1)
      refuse(
        context,
        urls.length === 0 ? 'lacks its URL' : 'has several URLs',
        'write one of url, url_file and url_credential; one that is secret into a file',
      )
    if (headers_file !== undefined && headers_credential !== undefined)
      refuse(context, 'has its headers twice', 'write headers_file or headers_credential')
  })
  .transform((given): Notify['webhook'] => {
    const where = given.url ?? secretOf(given.url_file, given.url_credential)
    if (where === undefined) return undefined
    const headers = secretOf(given.headers_file, given.headers_credential)
    const { template, ca_file } = given
    return { url: where, template, ...(headers && { headers }), ...(ca_file && { caFile: ca_file }) }
  })

export const notifySettings = {
  mail: optionalTable(
    'notify.mail',
    mail,
    'a table of to, from, server, password_file or credential, and ca_file',
    'By mail, as in { to = ["root@example.org"], from = "gate@example.org", server = "smtps://gate@mail.example.org", password_file = "/etc/flypaperd/mail.password" }. "smtps://" is TLS from the beginning, at port 465; "smtp://" takes TLS by STARTTLS, at port 587, and goes without it to this machine alone, at port 25. A certificate that is not right is refused; ca_file names the one that signs those of your own server, instead of the public ones. The password is in a file that others may not read, or in a credential of systemd.',
  ),
  webhook: optionalTable(
    'notify.webhook',
    webhook,
    'a table of url, url_file or url_credential, template, headers_file or headers_credential, and ca_file',
    'By a POST over HTTPS, as in { url_file = "/etc/flypaperd/ntfy.url", template = "ntfy" }; "http://" goes to this machine alone. The template is "json", "ntfy", "slack" (Mattermost takes the same), "discord" or "gotify": docs/notify.md shows each. A URL that holds a token belongs into url_file; a token in a header, as "Authorization: Bearer TOKEN", into headers_file.',
  ),
  command: list(
    command,
    kinds.list('texts: the whole path of a program, and its arguments', '/usr/bin/apprise'),
    'By a program, as in ["/usr/bin/apprise", "--config", "/etc/flypaperd/apprise.yml"]: it has the message on standard input, FLYPAPERD_KIND and FLYPAPERD_SUBJECT in its environment, no shell, and a minute. Everybody sees its arguments: no secret belongs there.',
    [],
    kinds.program,
  ),
  kinds: list(
    kinds.choice(...NOTICES),
    kinds.list('kinds of notices', 'trap'),
    'Of what: "trap" is that it is not armed, that no daemon answers, and that others took it out; "failing" is a full set, a history, a ring or a disk that fails, and each alarm; "limit" is that the promotion limit is in force; "ours" is who was locked out or spared and is known here, used from here, or logged in here lately. At most one message of a kind in ten minutes.',
    NOTICES,
  ),
  digest: setting(
    kinds.choice(...DIGESTS),
    'off',
    'Whether the report comes as a message of its own: each day, or each Monday for the week.',
  ),
  at: setting(timeOfDay, '08:00', 'When, in the time of this machine.'),
}

export const notify = z
  .strictObject(notifySettings)
  .transform(
    ({ mail, webhook, ...rest }): Notify => ({ ...rest, ...(mail && { mail }), ...(webhook && { webhook }) }),
  )

function isNothing(given: Readonly<Record<string, unknown>>): boolean {
  return Object.values(given).every(value => value === undefined)
}

function missing(wanted: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [name] : []))
}

/** What one file leaves out, another may have. */
function refuse(context: z.RefinementCtx, problem: string, advice: string): void {
  report(context, { problem, advice }, { isAcross: true })
}

function secretOf(file: string | undefined, credential: string | undefined): Secret | undefined {
  if (file !== undefined) return { file }
  return credential === undefined ? undefined : { credential }
}

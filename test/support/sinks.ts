/** A real mail server and a real web server that keep what they are sent. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as it came, headers and all. */
export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | undefined
  readonly text: string
  readonly isSecure: boolean
}

export interface Sink<T> extends AsyncDisposable {
  readonly port: number
  readonly taken: readonly T[]
}

export interface MailOptions {
  readonly port?: number
  readonly host?: string
  /** The password of everybody; nobody has to say who he is unless told. */
  readonly password?: string
  readonly tls?: { readonly key: string; readonly cert: string }
  /** TLS from the beginning; else by STARTTLS where there is a certificate. */
  readonly isSecure?: boolean
  onTaken?(mail: Mail): void
}

export async function mailSink(options: MailOptions = {}): Promise<Sink<Mail>> {
  const { password, tls, isSecure = false, host = '127.0.0.1' } = options
  const taken: Mail[] = []
  const server = new SMTPServer({
    secure: isSecure,
    ...tls,
    disabledCommands: [
      ...(tls === undefined ? ['STARTTLS'] : []),
      ...(password === undefined ? ['AUTH'] : []),
    ],
    allowInsecureAuth: true,
    onAuth: (auth, _, callback) =>
      // As some servers do, it repeats what it was told.
      auth.password === password
        ? callback(null, { user: auth.username })
        : callback(new Error(`no ${auth.password}`)),
    onData(stream, { envelope, user, secure }, callback) {
      void textOf(stream).then(text => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        const mail = { from, to: envelope.rcptTo.map(({ address }) => address), user, text, isSecure: secure }
        taken.push(mail)
        options.onTaken?.(mail)
        callback()
      })
    },
  } as SMTPServerOptions)
  server.on('error', () => {}) // A client that breaks off is none of ours.
  server.listen(options.port ?? 0, host)
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    taken,
    [Symbol.asyncDispose]: () =>
      server.server.listening ? new Promise(resolve => server.close(() => resolve())) : Promise.resolve(),
  }
}

export interface Posted {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface WebOptions {
  readonly port?: number
  readonly host?: string
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Answers 200 unless told. */
  answer?(response: ServerResponse, posted: Posted): void
  onTaken?(posted: Posted): void
}

export async function webSink(options: WebOptions = {}): Promise<Sink<Posted>> {
  const taken: Posted[] = []
  const handle: Parameters<typeof createServer>[1] = (request, response) => {
    void textOf(request).then(body => {
      const posted = { url: request.url ?? '', headers: request.headers, body }
      taken.push(posted)
      options.onTaken?.(posted)
      if (options.answer === undefined) response.end('thanks')
      else options.answer(response, posted)
    })
  }
  const server = options.tls === undefined ? createServer(handle) : createSecureServer(options.tls, handle)
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    taken,
    [Symbol.asyncDispose]: () => closed(server),
  }
}

function closed(server: Server & { closeAllConnections(): void }): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => server.close(() => resolve()))
}

/** One mail to a mail server, by nodemailer, which is loaded here alone: the daemon never has it. */
import type { Letter } from '../outside/world.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { certificates } from './post.ts'

/** From the beginning to the server's last word. */
export const MAIL_MS = 60_000
const STEP_MS = 20_000

/** Rejects with a Failure. */
export async function mail(letter: Letter, patience = MAIL_MS): Promise<void> {
  const { server, password, from, to, subject, text, kind } = letter
  const ca = certificates(letter.caFile)
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.tls === 'at-once',
    requireTLS: server.tls === 'by-starttls',
    ignoreTLS: server.tls === 'none',
    ...(server.user !== undefined && { auth: { user: server.user, pass: password ?? '' } }),
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca && { ca }) },
    connectionTimeout: STEP_MS,
    greetingTimeout: STEP_MS,
    socketTimeout: STEP_MS,
    dnsTimeout: STEP_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(refusal(server, `does not take a mail within ${patience / 1000} s`)),
    patience,
  )
  try {
    const sent = transport.sendMail({
      ...{ from, to: [...to], subject, text },
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Flypaperd-Kind': kind },
    })
    sent.catch(() => {}) // It may fail after it is late.
    await Promise.race([sent, late.promise])
  } catch (error) {
    throw error instanceof Failure ? error : refusal(server, `refuses: ${(error as Error).message}`)
  } finally {
    clearTimeout(timer)
    transport.close()
  }
}

function refusal({ host, port }: Letter['server'], what: string): Failure {
  return new Failure(`the mail server ${host}, port ${port}, ${what}`, { exit: EXIT.unavailable })
}

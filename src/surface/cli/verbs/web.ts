import { dirname } from 'node:path'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { linkFrom, refuseSecond } from '../../web/link.ts'
import { LINK_SOCKET, PAGE_SOCKET, servePage } from '../../web/serve.ts'
import type { Call, Verb } from '../verb.ts'

/** The port of the laptop in what is shown; any other does. */
const PORT = 8427
const LOOPBACK = /^(127\.0\.0\.1|\[::1\]):(\d{1,5})$/
const HOST_NAME = /^[a-z0-9.-]{1,253}$/i

export const web: Verb = {
  name: 'web',
  summary: 'serve a page for the browser: who is stuck, who came, why, and free with one click',
  options: [
    {
      flags: '--listen <address>',
      what: '127.0.0.1:8427 or [::1]:8427 instead of a socket; no other address',
    },
    { flags: '--host <name>', what: 'the name under which a reverse proxy of yours serves it' },
    { flags: '--link', what: 'a link to the page that is served already, for one browser, once' },
  ],
  details:
    'It opens no port: the page is on a Unix socket, which ssh takes to your browser. The link that is printed opens it once, within ten minutes. The page reads by watch.sock and frees by operate.sock; it can neither stop the trap nor change its settings. See docs/web.md.',
  examples: ['sudo flypaperd web', 'sudo flypaperd web --listen 127.0.0.1:8427', 'sudo flypaperd web --link'],
  exits: { [EXIT.ok]: 'ended by Ctrl-C, or by nobody looking; with --link: it is printed' },
  async run(call) {
    const { system, options, print } = call
    // Beside the directory of the daemon's sockets: another user's.
    const directory = `${dirname(system.socket)}-web`
    const { listen, host } = { listen: addressOf(call), host: hostOf(call) }
    const links = `${directory}/${LINK_SOCKET}`
    if (options.link) {
      for (const line of linkLines(await linkFrom(links), directory)) print(line)
      return EXIT.ok
    }
    const passed = system.passedSockets()
    for (const file of ['index.html', 'page.js']) system.pageFile(file)
    const control = system.socket
    const { unixSockets, now, pageFile: page } = system
    if (passed.length === 0) await refuseSecond(links)
    await using served = await servePage({ control, directory, passed, listen, host, unixSockets, page, now })
    // Under systemd it would be in the journal, which others read.
    if (passed.length === 0)
      for (const line of linkLines(served.sessions.link(system.user), directory, listen)) print(line)
    const end = Promise.withResolvers<void>()
    using _ = system.onSignal(['SIGINT', 'SIGTERM'], () => end.resolve())
    call.gone.addEventListener('abort', () => end.resolve())
    await Promise.race([end.promise, served.isIdle])
    return EXIT.ok
  },
}

type Listen = { readonly host: string; readonly port: number }

function addressOf({ options }: Call): Listen | undefined {
  if (options.listen === undefined) return undefined
  const [, host = '', port = ''] = LOOPBACK.exec(String(options.listen)) ?? []
  if (host !== '' && Number(port) >= 1 && Number(port) <= 65_535)
    return { host: host.replace(/[[\]]/g, ''), port: Number(port) }
  throw new Failure('--listen takes 127.0.0.1:PORT or [::1]:PORT, and no address that others reach', {
    exit: EXIT.usage,
    hint: 'For others, put a reverse proxy with TLS before it, and name it by --host: docs/web.md.',
  })
}

function hostOf({ options }: Call): string | undefined {
  const host = options.host === undefined ? undefined : String(options.host)
  if (host === undefined || HOST_NAME.test(host)) return host
  throw new Failure('--host takes the name of a host, such as flypaper.example.org', { exit: EXIT.usage })
}

function linkLines(token: string, directory: string, listen?: Listen): string[] {
  const port = listen?.port ?? PORT
  const to = listen === undefined ? `${directory}/${PAGE_SOCKET}` : `localhost:${port}`
  return [
    'From your machine:',
    `  ssh -L ${port}:${to} HOST`,
    'Then open this, once and within ten minutes. Whoever has it may lock out and free:',
    `  http://localhost:${port}/#${token}`,
  ]
}

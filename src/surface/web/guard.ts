/** Whether a request comes from our own page, by what browsers tell of it. Pure. */
import type { Request } from '../control/request.ts'

/** The names of the loopback, at which a forwarded socket is opened. */
const OWN_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

type Told = Pick<Request, 'method' | 'headers'>

/**
 * Why this request is refused; undefined for one that may be answered. `host`: the name behind a reverse proxy. A name that is none of ours is
 * that of a page which had it resolved to us (rebinding). Who has no browser need not tell where he comes from: the token tells.
 */
export function refusalOf({ method, headers }: Told, host: string | undefined): string | undefined {
  const asked = headers.get('host') ?? ''
  const [, name = ''] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(asked) ?? []
  const hosts = host === undefined ? OWN_HOSTS : [...OWN_HOSTS, host.toLowerCase()]
  if (!hosts.includes(name.toLowerCase()))
    return 'this page is not served by that name: open it at localhost, or name it by --host'
  const origin = headers.get('origin')
  if (origin !== undefined && origin !== `http://${asked}` && origin !== `https://${asked}`)
    return 'this request comes from another page'
  const site = headers.get('sec-fetch-site')
  const isOpened = method === 'GET' && headers.get('sec-fetch-mode') === 'navigate'
  if (site !== undefined && site !== 'same-origin' && !isOpened) return 'this request comes from another site'
  return undefined
}

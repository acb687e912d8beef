/** The one error of this library; errno is turned into words here and nowhere else. */
import { getSystemErrorMap } from 'node:util'

/**
 * `no-permission`: CAP_NET_ADMIN is missing in the user namespace that owns this network namespace.
 * `in-use`: another socket holds that group or queue. `unsupported`: the kernel, or a sandbox around us, lacks
 * the feature. Of elements: `missing`: there is no such table or set, or an element to be deleted is not there.
 * `full`: the set holds as many as its size allows. `too-large`: more than one transaction may have. `busy`: something else refers to what was to be deleted.
 * `failed`: anything else, see `errno`.
 */
export type NetlinkErrorCode =
  | 'no-permission'
  | 'in-use'
  | 'unsupported'
  | 'missing'
  | 'full'
  | 'too-large'
  | 'busy'
  | 'failed'

export class NetlinkError extends Error {
  readonly code: NetlinkErrorCode
  /** Positive errno of Linux; 0 when no call failed. */
  readonly errno: number

  constructor(code: NetlinkErrorCode, doing: string, errno: number) {
    super(errno === 0 ? doing : `${doing}: ${describe(errno)}`)
    this.name = 'NetlinkError'
    this.code = code
    this.errno = errno
  }
}

function describe(errno: number): string {
  const [name, words] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error']
  return `${words} (${name})`
}

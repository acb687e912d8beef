/** Errors of nfnetlink as libnftables would give them. */
import { NetlinkError, type NetlinkErrorCode } from 'nfnetlink'
import { NftablesError, type NftablesErrorCode } from 'nftables-json'

const CODES: Readonly<Partial<Record<NetlinkErrorCode, NftablesErrorCode>>> = {
  full: 'set-full',
  busy: 'busy',
  missing: 'missing',
  'too-large': 'too-large',
  'no-permission': 'no-permission',
  unsupported: 'unsupported',
}

/** Whoever asked need not know which way it went. */
export function asNftables<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    throw new NftablesError(CODES[error.code] ?? 'refused', error.message, { cause: error })
  }
}

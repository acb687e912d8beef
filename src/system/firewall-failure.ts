/** What libnftables or the kernel refuses, in words for people. */

import { NftablesError } from 'nftables-json'
import { SetFull } from '../arm/firewall.ts'
import { EXIT, Failure } from '../terms/failure.ts'

/** libnftables' codes in words for people, once. */
export function withFailure<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof NftablesError) throw failureOf(error)
    throw error
  }
}

function failureOf(error: NftablesError): unknown {
  const [firstLine] = error.text.split('\n', 1)
  switch (error.code) {
    case 'no-library':
      return new Failure('libnftables.so.1 is not installed, or cannot be loaded', {
        exit: EXIT.unavailable,
        hint: 'Install it: apt-get install libnftables1',
        cause: error,
      })
    case 'no-permission':
      return noPermission(error)
    case 'busy':
      return new Failure(`the kernel keeps what a rule of yours still refers to: ${firstLine}`, {
        exit: EXIT.unavailable,
        hint: 'Look for it in `nft list table inet filter` and take the reference out.',
        cause: error,
      })
    case 'set-full':
      return new SetFull(error)
    default:
      return new Failure(`nftables refused: ${firstLine}`, { exit: EXIT.unavailable, cause: error })
  }
}

export function noPermission(cause?: unknown): Failure {
  return new Failure('no permission to read and change the firewall: CAP_NET_ADMIN is missing', {
    exit: EXIT.noPermission,
    hint: 'Run it as root: sudo flypaperd …',
    cause,
  })
}

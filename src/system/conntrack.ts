/** With whom connections live that were opened from here, or by hosts behind us, as conntrack tells: whoever answers in them is elsewhere. */
import { type Address, familyOf } from '../terms/address.ts'
import { addressOf, keyOf } from './connected.ts'
import { NetlinkError, visitFlowsLater } from './nfnetlink/index.ts'
import type { Told } from './sockets.ts'

/** Connections that one reading looks at: as many as conntrack itself takes, unless somebody has told it to take more. */
export const FLOWS_MAX = 262_144
const TCP = 6

export interface InUse {
  readonly hosts: readonly Address[]
  readonly told: Told
}

/** At most `most` hosts, of both families. */
export async function hostsInUse(
  own: readonly Address[],
  most: number,
  visitFlows = visitFlowsLater,
): Promise<InUse> {
  const found = new Map<string | number, Address>()
  const ours = new Set<Address>(own)
  let flows = 0
  try {
    await visitFlows(({ protocol, opened, isAssured }) => {
      if (++flows > FLOWS_MAX || found.size > most) return false
      // A SYN and its answer are two packets, and the first one costs a stranger nothing.
      if (protocol === TCP && !isAssured) return true
      const key = keyOf(opened)
      if (!found.has(key)) found.set(key, addressOf(opened))
      return true
    })
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    return { hosts: [], told: 'untold' }
  }
  const hosts = [...found.values()].filter(host => !ours.has(host) && !isLoopback(host))
  const isCut = flows > FLOWS_MAX || found.size > most
  return { hosts: hosts.slice(0, most), told: isCut ? 'cut' : 'whole' }
}

function isLoopback(host: Address): boolean {
  return familyOf(host) === 4 ? host.startsWith('127.') : host === '::1'
}

/** With whom connections live that were opened from here, or by hosts behind us, as conntrack tells: whoever answers in them is elsewhere. */

import { NetlinkError, visitFlowsLater } from 'nfnetlink'
import { CALLED_MAX } from '../arm/ruleset/sets.ts'
import type { Called, InUse, InUseWanted } from '../arm/surroundings.ts'
import { type Address, familyOf } from '../terms/address.ts'
import type { AddressKey } from '../terms/address-bytes.ts'
import type { PrefixSet } from '../terms/prefix-set.ts'
import { addressOf, keyOf } from './connected.ts'
import type { Told } from './sockets.ts'

/** Connections that one reading looks at: as many as conntrack itself takes, unless somebody has told it to take more. */
export const FLOWS_MAX = 262_144
const TCP = 6
const UDP = 17

interface Host {
  readonly host: Address
  readonly sticks: boolean
}

/** Of each host it is asked once whether it sticks, however many flows there are to it. */
export async function flowsInUse(
  own: readonly Address[],
  { most, sticks }: InUseWanted,
  visitFlows = visitFlowsLater,
): Promise<InUse & { readonly told: Told }> {
  const found = new Map<string | number, Host>()
  const called: Called[] = []
  const ours = new Set<Address>(own)
  let flows = 0
  try {
    await visitFlows(({ protocol, opened, from, to, isAssured }) => {
      if (++flows > FLOWS_MAX || found.size > most) return false
      // A SYN and its answer are two packets, and the first one costs a stranger nothing.
      if (protocol === TCP && !isAssured) return true
      const key = keyOf(opened)
      const { host, sticks } = found.get(key) ?? met(addressOf(opened))
      if (!found.has(key)) found.set(key, { host, sticks })
      if (sticks && (protocol === TCP || protocol === UDP) && called.length < CALLED_MAX)
        called.push([host, protocol, from, to])
      return true
    })
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    return { hosts: [], called: [], told: 'untold' }
  }

  function met(host: Address): Host {
    return { host, sticks: !ours.has(host) && sticks(host) }
  }

  const hosts = [...found.values()]
    .map(({ host }) => host)
    .filter(host => !ours.has(host) && !isLoopback(host))
  const isCut = flows > FLOWS_MAX || found.size > most
  return { hosts: hosts.slice(0, most), called, told: isCut ? 'cut' : 'whole' }
}

/**
 * Whom of these conntrack knows a living connection of, whoever opened it: TCP and UDP that both sides have taken part in more than once, and
 * whatever was answered of other protocols. Nobody where it does not tell; reads in pieces.
 */
export async function hostsConnected(
  wanted: PrefixSet,
  visitFlows = visitFlowsLater,
): Promise<ReadonlySet<Address>> {
  const found = new Set<Address>()
  let flows = 0
  try {
    await visitFlows(({ protocol, opened, opener, isAssured }) => {
      if (++flows > FLOWS_MAX) return false
      if (!isAssured && (protocol === TCP || protocol === UDP)) return true
      for (const host of [opener, opened]) if (wanted.has(addressKeyOf(host))) found.add(addressOf(host))
      return true
    })
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
  }
  return found
}

function addressKeyOf(bytes: Uint8Array): AddressKey {
  return bytes.length === 4 ? Number(keyOf(bytes)) >>> 0 : bytes
}

function isLoopback(host: Address): boolean {
  return familyOf(host) === 4 ? host.startsWith('127.') : host === '::1'
}

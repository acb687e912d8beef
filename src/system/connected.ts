/** Who is connected to this machine. A busy server has a hundred thousand connections, which are read in pieces. */
import { CONNECTED_MAX, type ServedPort } from '../arm/surroundings.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import { type Address, parseAddress } from '../terms/address.ts'
import { connections, connectionsLater, SOCKETS_AT_ONCE, type Told, type Visit } from './sockets.ts'

export interface Connected {
  readonly hosts: readonly Address[]
  readonly told: Told
}

interface Reading extends Connected {
  readonly sockets: number
}

/** What was read last, while there are too many to be read for every question. */
let crowd: Reading | undefined

export function connected(): Connected {
  if (crowd !== undefined) return crowd
  const gathering = gather()
  const reading = gathering.end(connections(gathering.visit))
  if (reading.sockets > SOCKETS_AT_ONCE) crowd = reading
  return reading
}

/** Those of them that have come to one of these ports. */
export function clientsAt(served: readonly ServedPort[]): readonly Address[] {
  const ports = new Set(served.flatMap(([protocol, port]) => (protocol === TCP ? [port] : [])))
  const found = new Map<string | number, Address>()
  connections(({ localPort, remote }) => {
    const key = keyOf(remote)
    if (ports.has(localPort) && !found.has(key)) found.set(key, addressOf(remote))
    return found.size < CONNECTED_MAX
  })
  return [...new Set(found.values())]
}

const TCP = 6

/** Reads them again, if they are many. */
export async function rereadConnected(): Promise<void> {
  if (crowd === undefined) return
  const gathering = gather()
  const reading = gathering.end(await connectionsLater(gathering.visit))
  crowd = reading.sockets > SOCKETS_AT_ONCE ? reading : undefined
}

function gather() {
  const found = new Map<string | number, Address>()
  let sockets = 0
  const visit: Visit = ({ remote }) => {
    sockets++
    const key = keyOf(remote)
    if (!found.has(key)) found.set(key, addressOf(remote))
    return found.size <= CONNECTED_MAX
  }
  return {
    visit,
    end(told: Told): Reading {
      // An IPv4 host comes to sockets of either family.
      const hosts = [...new Set(found.values())].slice(0, CONNECTED_MAX)
      return { hosts, told: found.size > CONNECTED_MAX ? 'cut' : told, sockets }
    },
  }
}

/** In canonical form, of 4 or 16 bytes; an IPv4-mapped address is the IPv4 host. */
export function addressOf(bytes: Uint8Array): Address {
  return bytes.length === 4 ? formatIPv4(bytes, 0) : parseAddress(formatIPv6(bytes, 0))!
}

/** Of IPv4 a number, which takes a third of the time; of IPv6 a string of as many characters as there are bytes. */
export function keyOf(address: Uint8Array): string | number {
  if (address.length === 4)
    return (address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!
  return Buffer.from(address.buffer, address.byteOffset, address.length).toString('latin1')
}

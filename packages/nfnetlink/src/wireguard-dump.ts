/**
 * At which ports the WireGuard interfaces of this network namespace listen (linux/wireguard.h, by generic netlink: linux/genetlink.h). To be asked with
 * CAP_NET_ADMIN.
 */
import { textOf } from './attributes.ts'
import { dump, eachAttribute } from './dump.ts'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { readLinks } from './link-dump.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'

export interface Listening {
  /** UDP ports, in order; each once. */
  readonly ports: readonly number[]
  /** There are more such interfaces than are asked. */
  readonly isCut: boolean
}

/** Interfaces that are asked, at most. */
export const WIREGUARD_MAX = 1024

const NETLINK_GENERIC = 16
/** struct genlmsghdr: command, version (8 bits each), nothing (16). */
const GENLMSG = 4
/** The family that tells the numbers of all families. */
const CONTROL = { family: 16, getFamily: 3, version: 1, id: 1, name: 2 } as const
const WIREGUARD = { name: 'wireguard', getDevice: 0, version: 1, ifindex: 1, listenPort: 6 } as const

/**
 * Of interfaces that are up: the socket of another is closed, and anybody may have its port. Where there is none, generic netlink is not asked. Throws
 * NetlinkError.
 */
export function readListenPorts(links = readLinks()): Listening {
  const devices = links.filter(({ kind, isUp }) => kind === WIREGUARD.name && isUp)
  const family = devices.length === 0 ? undefined : familyOf(WIREGUARD.name)
  if (family === undefined) return { ports: [], isCut: false }
  const ports = devices.slice(0, WIREGUARD_MAX).map(({ device }) => portIfThere(family, device))
  return {
    ports: [...new Set(ports)].filter(port => port !== 0).sort((one, other) => one - other),
    isCut: devices.length > WIREGUARD_MAX,
  }
}

/** Listed, not asked for by its name: then the kernel loads no module. */
function familyOf(wanted: string): number | undefined {
  let found: number | undefined
  const body = genlmsg(CONTROL.getFamily, CONTROL.version)
  dump({ protocol: NETLINK_GENERIC, type: CONTROL.family, body }, (view, at, end) => {
    let [id, name] = [0, '']
    eachAttribute(view, at + GENLMSG, end, (type, value, size) => {
      if (type === CONTROL.id && size === 2) id = view.getUint16(value, HOST_LITTLE_ENDIAN)
      if (type === CONTROL.name) name = textOf(new Uint8Array(view.buffer, view.byteOffset + value, size))
    })
    if (name === wanted) found = id
    return found === undefined
  })
  return found
}

/** 0 where the interface is gone by now. */
function portIfThere(family: number, device: number): number {
  try {
    return portOf(family, device)
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ERRNO.ENODEV) return 0
    throw error
  }
}

/** 0 where it has none. What comes before its peers is the first message, and holds its private key: that is wiped, and no other message is read. */
function portOf(family: number, device: number): number {
  let port = 0
  const ifindex = new Uint8Array(8)
  const view = new DataView(ifindex.buffer)
  view.setUint16(0, 8, HOST_LITTLE_ENDIAN)
  view.setUint16(2, WIREGUARD.ifindex, HOST_LITTLE_ENDIAN)
  view.setUint32(4, device, HOST_LITTLE_ENDIAN)
  const body = Buffer.concat([genlmsg(WIREGUARD.getDevice, WIREGUARD.version), ifindex])
  dump({ protocol: NETLINK_GENERIC, type: family, body }, (told, at, end) => {
    eachAttribute(told, at + GENLMSG, end, (type, value, size) => {
      if (type === WIREGUARD.listenPort && size === 2) port = told.getUint16(value, HOST_LITTLE_ENDIAN)
    })
    new Uint8Array(told.buffer).fill(0)
    return false
  })
  return port
}

function genlmsg(command: number, version: number): Uint8Array {
  return Uint8Array.of(command, version, 0, 0)
}

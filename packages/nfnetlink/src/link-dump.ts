/** The interfaces of this network namespace, and what kind they are (rtnetlink(7), linux/if_link.h). */
import { dump, eachAttribute } from './dump.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'

export interface Link {
  /** Index of the interface. */
  readonly device: number
  /** `bridge`, `veth`, `tun`, `vlan`; undefined for hardware. */
  readonly kind: string | undefined
  /** Index of the bridge, bond or VRF whose port it is; 0 when it is none's. */
  readonly master: number
  /** As the administrator has it, whether anything is at its other end or not. */
  readonly isUp: boolean
}

const NETLINK_ROUTE = 0
const RTM_GETLINK = 18
/** struct ifinfomsg: family (8 bits), nothing (8), type (16), index, flags, change (32 each). */
const IFINFOMSG = 16
const IFLA = { master: 10, info: 18, mask: 29 }
const INFO_KIND = 1
const IFF_UP = 1
/** RTEXT_FILTER_SKIP_STATS: nobody asked for counters. */
const SKIP_STATS = 8

/** Throws NetlinkError. */
export function readLinks(): readonly Link[] {
  const found = new Map<number, Link>()
  dump({ protocol: NETLINK_ROUTE, type: RTM_GETLINK, body: question() }, (view, at, end) => {
    if (at + IFINFOMSG > end) return true
    const device = view.getInt32(at + 4, HOST_LITTLE_ENDIAN)
    const isUp = (view.getUint32(at + 8, HOST_LITTLE_ENDIAN) & IFF_UP) !== 0
    let kind: string | undefined
    let master = 0
    eachAttribute(view, at + IFINFOMSG, end, (type, value, size) => {
      if (type === IFLA.master && size === 4) master = view.getUint32(value, HOST_LITTLE_ENDIAN)
      if (type !== IFLA.info) return
      eachAttribute(view, value, value + size, (inner, from, length) => {
        if (inner === INFO_KIND) kind = textOf(view, from, length)
      })
    })
    found.set(device, { device, kind, master, isUp })
    return true
  })
  return [...found.values()]
}

function question(): Uint8Array {
  const body = new Uint8Array(IFINFOMSG + 8)
  const view = new DataView(body.buffer)
  view.setUint16(IFINFOMSG, 8, HOST_LITTLE_ENDIAN)
  view.setUint16(IFINFOMSG + 2, IFLA.mask, HOST_LITTLE_ENDIAN)
  view.setUint32(IFINFOMSG + 4, SKIP_STATS, HOST_LITTLE_ENDIAN)
  return body
}

function textOf(view: DataView, at: number, size: number): string {
  return Buffer.from(view.buffer, view.byteOffset + at, size)
    .toString('latin1')
    .replace(/\0.*$/s, '')
}

/** The addresses of this network namespace (rtnetlink(7), linux/if_addr.h), those of interfaces that are down among them. */
import { dump, eachAttribute } from './dump.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'

export interface InterfaceAddress {
  /** Index of the interface. */
  readonly device: number
  /** Ours: 4 or 16 bytes. */
  readonly local: Uint8Array
  /** The other end of a point-to-point link. */
  readonly peer: Uint8Array | undefined
}

const NETLINK_ROUTE = 0
const RTM_GETADDR = 22
/** struct ifaddrmsg: family, prefix length, flags, scope (8 bits each), interface (32 bits). */
const IFADDRMSG = 8
const IFA = { address: 1, local: 2 }

/** Throws NetlinkError. */
export function readAddresses(): readonly InterfaceAddress[] {
  const found: InterfaceAddress[] = []
  const question = { protocol: NETLINK_ROUTE, type: RTM_GETADDR, body: new Uint8Array(IFADDRMSG) }
  dump(question, (view, at, end) => {
    if (at + IFADDRMSG > end) return true
    let address: Uint8Array | undefined
    let local: Uint8Array | undefined
    eachAttribute(view, at + IFADDRMSG, end, (type, value, size) => {
      if (size !== 4 && size !== 16) return
      const bytes = () => new Uint8Array(view.buffer, view.byteOffset + value, size).slice()
      if (type === IFA.address) address = bytes()
      else if (type === IFA.local) local = bytes()
    })
    const own = local ?? address
    if (own === undefined) return true
    const device = view.getUint32(at + 4, HOST_LITTLE_ENDIAN)
    const isPeer = address !== undefined && local !== undefined && !isSame(address, local)
    found.push({ device, local: own, peer: isPeer ? address : undefined })
    return true
  })
  return found
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}

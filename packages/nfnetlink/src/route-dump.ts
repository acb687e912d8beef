/**
 * The routes of both families, of all tables (linux/rtnetlink.h), those of VRFs and of policy routing among them. A router may have a million; its gateways, uplinks and
 * links are few: only these are kept.
 */
import { dump, dumpLater, eachAttribute, type Question, type Visit } from './dump.ts'
import { NetlinkError } from './error.ts'
import { HOST_LITTLE_ENDIAN } from './message.ts'
import { type Nexthops, openNexthops } from './nexthops.ts'

/** A prefix that is reached by an interface without a gateway. */
export interface OnLink {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array
  readonly length: number
  /** Index of the interface. */
  readonly device: number
}

export interface Routes {
  /** Gateways of all routes and nexthop objects, each once, of 4 or 16 bytes; those of default routes come first. */
  readonly gateways: readonly Uint8Array[]
  /** Interfaces of the default routes, by their indexes. */
  readonly uplinks: readonly number[]
  /** Interfaces by which any route leads to a gateway. */
  readonly toGateways: readonly number[]
  /** Interfaces by which a default route leads to no gateway: everybody is on that link. */
  readonly toEverybody: readonly number[]
  /** Prefixes that are reached without a gateway, for each interface once; no default routes, nothing link-local or multicast. */
  readonly links: readonly OnLink[]
  /** There were more of these than are kept. */
  readonly cut: readonly ('gateways' | 'links')[]
}

/** Of each kind, at most: gateways of default routes, other gateways, prefixes on our links of either family. */
export const ROUTES_MAX = 4096

const NETLINK_ROUTE = 0
const RTM_GETROUTE = 26
const RTM_GETNEXTHOP = 106
const AF_INET6 = 10
const AF_INET = 2
/** struct rtmsg. */
const RTMSG = 12
/** Other types lead nowhere: local, broadcast, blackhole, unreachable, prohibit … */
const RTN_UNICAST = 1
/** No route, but an exception to one that the kernel has learned: strangers can make them. */
const RTM_F_CLONED = 0x200
const RTA = { destination: 1, device: 4, gateway: 5, multipath: 9, via: 18, nexthop: 30 }
/** struct rtnexthop. */
const RTNEXTHOP = 8
/** Each network namespace gives this number to its loopback (LOOPBACK_IFINDEX of include/net/flow.h). */
const LOOPBACK = 1
/** A default route may be written in halves (0.0.0.0/1 and 128.0.0.0/1), or as all of IPv6 that is given out (2000::/3). */
const DEFAULT_MOST = { 4: 1, 6: 3 }

/** Reads all at once. Throws NetlinkError. */
export function readRoutes(): Routes {
  const reader = openReader()
  for (const { question, visit, isOptional } of reader.readings) {
    try {
      dump(question, visit)
    } catch (error) {
      if (!(isOptional && isUnsupported(error))) throw error
    }
  }
  return reader.found()
}

/** The same in pieces, between which everybody has their turn. */
export async function readRoutesLater(): Promise<Routes> {
  const reader = openReader()
  for (const { question, visit, isOptional } of reader.readings) {
    await dumpLater(question, visit).catch(error => {
      if (!(isOptional && isUnsupported(error))) throw error
    })
  }
  return reader.found()
}

interface Reading {
  readonly question: Question
  readonly visit: Visit
  /** Kernels before 5.3 have no nexthop objects. */
  readonly isOptional: boolean
}

interface Reader {
  /** In this order. */
  readonly readings: readonly Reading[]
  found(): Routes
}

function openReader(): Reader {
  const nexthops = openNexthops()
  const seen: Seen = {
    first: addressSet(),
    others: addressSet(),
    uplinks: new Set(),
    toGateways: new Set(),
    toEverybody: new Set(),
    links: { 4: linkSet(), 6: linkSet() },
  }
  const route = (family: number): Reading => ({
    question: { protocol: NETLINK_ROUTE, type: RTM_GETROUTE, body: rtmsg(family) },
    visit: (view, at, end) => readRoute(view, at, end, nexthops, seen),
    isOptional: false,
  })
  const objects: Reading = {
    question: { protocol: NETLINK_ROUTE, type: RTM_GETNEXTHOP, body: new Uint8Array(8) },
    visit: nexthops.read,
    isOptional: true,
  }
  return {
    readings: [objects, route(AF_INET), route(AF_INET6)],
    found() {
      for (const { device, gateway } of nexthops.all()) {
        if (gateway === undefined) continue
        seen.others.add(gateway)
        seen.toGateways.add(device)
      }
      const first = [...seen.first.found.values()]
      const others = [...seen.others.found].flatMap(([key, gateway]) =>
        seen.first.found.has(key) ? [] : gateway,
      )
      const isCut = seen.first.isCut || seen.others.isCut || nexthops.isCut
      const links = [seen.links[4], seen.links[6]]
      return {
        gateways: [...first, ...others],
        uplinks: [...seen.uplinks],
        toGateways: [...seen.toGateways],
        toEverybody: [...seen.toEverybody],
        links: links.flatMap(({ found }) => [...found.values()]),
        cut: [
          ...(isCut ? (['gateways'] as const) : []),
          ...(links.some(({ isCut }) => isCut) ? (['links'] as const) : []),
        ],
      }
    },
  }
}

interface Seen {
  readonly first: AddressSet
  readonly others: AddressSet
  readonly uplinks: Set<number>
  readonly toGateways: Set<number>
  readonly toEverybody: Set<number>
  readonly links: Readonly<Record<4 | 6, LinkSet>>
}

function readRoute(view: DataView, at: number, end: number, nexthops: Nexthops, seen: Seen): boolean {
  if (at + RTMSG > end) return true
  const [family, length] = [view.getUint8(at), view.getUint8(at + 1)]
  const isCloned = (view.getUint32(at + 8, HOST_LITTLE_ENDIAN) & RTM_F_CLONED) !== 0
  if (view.getUint8(at + 7) !== RTN_UNICAST || isCloned) return true
  if (family !== AF_INET && family !== AF_INET6) return true
  const version = family === AF_INET6 ? 6 : 4
  const isDefault = length <= DEFAULT_MOST[version]
  let destination: Uint8Array | undefined
  let hops = 0
  const hop = (device: number, gateway: Uint8Array | undefined) => {
    hops++
    if (gateway !== undefined) (isDefault ? seen.first : seen.others).add(gateway)
    if (device === LOOPBACK || device === 0) return
    if (isDefault) seen.uplinks.add(device)
    if (gateway !== undefined) seen.toGateways.add(device)
    else if (isDefault) seen.toEverybody.add(device)
    else if (destination !== undefined && isOfHosts(destination))
      seen.links[version].add(destination, length, device)
  }
  let single: Hop = { device: 0, gateway: undefined }
  let [multipath, multipathEnd, nexthop] = [0, 0, 0]
  eachAttribute(view, at + RTMSG, end, (type, value, size) => {
    if (type === RTA.destination && (size === 4 || size === 16)) destination = bytesOf(view, value, size)
    else if (type === RTA.multipath) [multipath, multipathEnd] = [value, value + size]
    else if (type === RTA.nexthop && size === 4) nexthop = view.getUint32(value, HOST_LITTLE_ENDIAN)
    else single = withHop(single, view, type, value, size)
  })
  eachMultipath(view, multipath, multipathEnd, hop)
  if (single.device !== 0 || single.gateway !== undefined) hop(single.device, single.gateway)
  // Where the kernel does not show what an object is (nexthop_compat_mode = 0).
  if (hops === 0 && nexthop !== 0)
    for (const { device, gateway } of nexthops.hopsOf(nexthop)) hop(device, gateway)
  return true
}

interface Hop {
  readonly device: number
  readonly gateway: Uint8Array | undefined
}

/** The same hop, with what this attribute says of it. An IPv4 route may go by an IPv6 gateway: struct rtvia, whose address follows its family. */
function withHop(hop: Hop, view: DataView, type: number, at: number, size: number): Hop {
  if (type === RTA.device && size === 4) return { ...hop, device: view.getInt32(at, HOST_LITTLE_ENDIAN) }
  if (type === RTA.gateway && (size === 4 || size === 16)) return { ...hop, gateway: bytesOf(view, at, size) }
  if (type === RTA.via && (size === 6 || size === 18))
    return { ...hop, gateway: bytesOf(view, at + 2, size - 2) }
  return hop
}

/** struct rtnexthop: length (16 bits), flags, hops (8 bits each), interface (32 bits), then attributes. */
function eachMultipath(
  view: DataView,
  from: number,
  end: number,
  visit: (device: number, gateway: Uint8Array | undefined) => void,
): void {
  for (let at = from; at + RTNEXTHOP <= end; ) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < RTNEXTHOP || at + length > end) return
    let hop: Hop = { device: view.getInt32(at + 4, HOST_LITTLE_ENDIAN), gateway: undefined }
    eachAttribute(view, at + RTNEXTHOP, at + length, (type, value, size) => {
      hop = withHop(hop, view, type, value, size)
    })
    visit(hop.device, hop.gateway)
    at += (length + 3) & ~3
  }
}

interface AddressSet {
  readonly found: ReadonlyMap<string, Uint8Array>
  readonly isCut: boolean
  add(address: Uint8Array): void
}

function addressSet(): AddressSet {
  const found = new Map<string, Uint8Array>()
  let isCut = false
  return {
    found,
    get isCut() {
      return isCut
    },
    add(address) {
      const key = keyOf(address)
      if (found.has(key) || isZero(address)) return
      if (found.size >= ROUTES_MAX) isCut = true
      else found.set(key, address.slice())
    },
  }
}

interface LinkSet {
  readonly found: ReadonlyMap<string, OnLink>
  readonly isCut: boolean
  add(address: Uint8Array, length: number, device: number): void
}

function linkSet(): LinkSet {
  const found = new Map<string, OnLink>()
  let isCut = false
  return {
    found,
    get isCut() {
      return isCut
    },
    add(address, length, device) {
      const key = `${keyOf(address)}/${length} ${device}`
      if (found.has(key)) return
      if (found.size >= ROUTES_MAX) isCut = true
      else found.set(key, { address: address.slice(), length, device })
    },
  }
}

/** Neither multicast nor link-local (224.0.0.0/4, ff00::/8, fe80::/10): those are on every link. */
function isOfHosts([first = 0, second = 0, ...rest]: Uint8Array): boolean {
  if (rest.length === 2) return first < 224
  return first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80)
}

function isUnsupported(error: unknown): boolean {
  return error instanceof NetlinkError && error.code === 'unsupported'
}

function isZero(address: Uint8Array): boolean {
  return address.every(byte => byte === 0)
}

/** A string of as many characters as there are bytes. */
function keyOf(address: Uint8Array): string {
  return Buffer.from(address.buffer, address.byteOffset, address.length).toString('latin1')
}

/** A view: valid as long as the datagram is. */
function bytesOf(view: DataView, at: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, size)
}

function rtmsg(family: number): Uint8Array {
  const bytes = new Uint8Array(RTMSG)
  bytes[0] = family
  return bytes
}

/** Tells when addresses, routes or nexthop objects of this network namespace change. Needs no privilege. */
import type { NetlinkError } from './error.ts'
import { makeSlots } from './slots.ts'
import { openSocket } from './socket.ts'

export interface RouteOptions {
  /** Something changed; once for all that came together. Ask the kernel what. */
  readonly onChange: () => void
  readonly onError: (error: NetlinkError) => void
}

const NETLINK_ROUTE = 0
/** RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE and RTNLGRP_NEXTHOP (linux/rtnetlink.h). IPv4 routes that go with
 * their link are announced by the link alone; a nexthop object may change under its routes. */
const GROUPS = (0x1 | 0x10 | 0x40 | 0x100 | 0x400 | (1 << 31)) >>> 0
const RECEIVE_BUFFER = 256 * 1024

/**
 * Watches links, addresses, nexthop objects and routes of both families, of all tables; throws NetlinkError.
 *
 * The messages are not even looked at, so their slots are small. An overrun cannot hide a change: it needs a full
 * buffer, and that is told after it.
 */
export function watchRoutes(options: RouteOptions): Disposable {
  const socket = openSocket(NETLINK_ROUTE, GROUPS, RECEIVE_BUFFER)
  socket.watch(makeSlots(64, 64), () => options.onChange(), options.onError)
  return { [Symbol.dispose]: () => socket[Symbol.dispose]() }
}

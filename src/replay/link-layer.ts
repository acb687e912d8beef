/**
 * Frames of a capture file become IP packets: what their link put in front is taken off. Pure and total.
 *
 * Link types: https://www.tcpdump.org/linktypes.html; EtherTypes: IEEE 802 numbers of IANA; PPPoE: RFC 2516.
 */

/** Why there is no IP packet in a frame. `link`: of a kind that is not understood. */
export type NoPacket = 'link' | 'not-ip' | 'cut'

const IPV4 = 0x0800
const IPV6 = 0x86dd
/** 802.1Q, 802.1ad, and what was used before. */
const VLANS = [0x8100, 0x88a8, 0x9100]
const PPPOE_SESSION = 0x8864
/** Tags in a row. */
const VLANS_MAX = 4

/** How a link tells what it carries: where an EtherType is, or that IP begins at once, perhaps behind some bytes. */
const LINKS: Readonly<Record<number, { readonly type?: number; readonly ip: number }>> = {
  0: { ip: 4 }, // BSD loopback: the family, in the byte order of that machine
  1: { type: 12, ip: 14 }, // Ethernet
  12: { ip: 0 }, // raw IP, as some systems number it
  14: { ip: 0 },
  101: { ip: 0 }, // raw IP
  108: { ip: 4 }, // OpenBSD loopback
  113: { type: 14, ip: 16 }, // Linux "cooked" v1
  228: { ip: 0 }, // raw IPv4
  229: { ip: 0 }, // raw IPv6
  276: { type: 0, ip: 20 }, // Linux "cooked" v2
}

/** From the IP header on, all that the file has. */
export function ipOf(link: number, frame: Buffer): Buffer | NoPacket {
  const kind = LINKS[link]
  if (kind === undefined) return 'link'
  if (kind.type === undefined) return versioned(frame, kind.ip)
  if (frame.length < kind.ip) return 'cut'
  let type = frame.readUInt16BE(kind.type)
  let at = kind.ip
  for (let tags = 0; VLANS.includes(type) && tags < VLANS_MAX; tags++) {
    if (frame.length < at + 4) return 'cut'
    type = frame.readUInt16BE(at + 2)
    at += 4
  }
  if (type === PPPOE_SESSION) {
    if (frame.length < at + 8) return 'cut'
    const protocol = frame.readUInt16BE(at + 6)
    type = protocol === 0x0021 ? IPV4 : protocol === 0x0057 ? IPV6 : type
    at += 8
  }
  return type === IPV4 || type === IPV6 ? versioned(frame, at) : 'not-ip'
}

function versioned(frame: Buffer, at: number): Buffer | NoPacket {
  if (frame.length <= at) return 'cut'
  const version = frame[at]! >> 4
  return version === 4 || version === 6 ? frame.subarray(at) : 'not-ip'
}

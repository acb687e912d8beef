/** Readers of the tables under /proc/net (proc(5), and the seq_show functions that write them), line by line. Pure. */

import type { InetSocket } from 'nfnetlink'
import { type Address, parseAddress } from '../terms/address.ts'

/** Of include/net/tcp_states.h. */
export interface SocketLine extends InetSocket {
  readonly state: number
}

/**
 * A line of /proc/net/{tcp,tcp6,udp,udp6}: `sl local_address rem_address st …`, addresses as host-endian words in hex. Undefined for any other
 * line.
 */
export function parseSocket(line: string): SocketLine | undefined {
  const [, local, localPort, remote, state] =
    /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? []
  const [localBytes, remoteBytes] = [local, remote].map(bytesOfWords)
  if (localBytes === undefined || remoteBytes === undefined) return undefined
  return {
    state: Number.parseInt(state!, 16),
    local: localBytes,
    localPort: Number.parseInt(localPort!, 16),
    remote: remoteBytes,
  }
}

/**
 * A line of /proc/net/ip_vs (net/netfilter/ipvs/ip_vs_ctl.c): `TCP  C0A80101:0050 rr`, a service that IPVS takes before any socket is asked. Port 0
 * is any port, as of those by mark, `FWM  00000001 rr`.
 */
export function parseIpvs(line: string): readonly (readonly [protocol: number, port: number])[] | undefined {
  const [, service] = /^(TCP|UDP|SCTP|FWM)\s/.exec(line) ?? []
  if (service === undefined) return undefined
  if (service === 'FWM') return ANY_PORT
  const [, protocol, port] = /^(TCP|UDP)\s+\S*:([0-9A-F]{4})\s/.exec(line) ?? []
  return protocol === undefined ? [] : [[protocol === 'TCP' ? 6 : 17, Number.parseInt(port!, 16)]]
}

const ANY_PORT = [
  [6, 0],
  [17, 0],
] as const

/** A line of nfnetlink_queue: the number of a queue to which a program listens is the first column. */
export function parseQueue(line: string): number | undefined {
  const [, number] = /^ *(\d+) /.exec(line) ?? []
  return number === undefined ? undefined : Number(number)
}

/** A line of resolv.conf(5): the name server. */
export function parseResolver(line: string): Address | undefined {
  const [, name] = /^\s*nameserver\s+([^\s%#;]+)/.exec(line) ?? []
  return name === undefined ? undefined : parseAddress(name)
}

/** Every machine that Node runs on under Linux is little-endian, but for s390x. */
function bytesOfWords(hex = ''): Uint8Array | undefined {
  if (hex.length !== 8 && hex.length !== 32) return undefined
  const bytes = Buffer.from(hex, 'hex')
  for (let word = 0; word < bytes.length; word += 4) bytes.subarray(word, word + 4).reverse()
  return bytes
}

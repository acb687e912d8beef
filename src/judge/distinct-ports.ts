/** Remembers which closed ports a source tried lately, for those who are not judged by one packet. */
import type { Tried } from '../decode/packet.ts'
import type { Address } from '../terms/address.ts'

export interface DistinctPorts {
  /** Counts this try; true when it completes a scan. */
  isScan(source: Address, tried: Tried, now: number): boolean
}

/** Sources remembered at most; the one that has been quiet longest makes room. */
export const DISTINCT_SOURCES_MAX = 10_000
export const SCAN_PORTS = 3
const WINDOW_MS = 10 * 60_000

export function distinctPorts(): DistinctPorts {
  const bySource = new Map<Address, Map<string, number>>()
  return {
    isScan(source, tried, now) {
      const ports = bySource.get(source) ?? new Map<string, number>()
      for (const [port, at] of ports) if (now - at > WINDOW_MS) ports.delete(port)
      ports.set(keyOf(tried), now)
      // Set anew, so that the first key of the map is the source that has been quiet longest.
      bySource.delete(source)
      bySource.set(source, ports)
      if (bySource.size > DISTINCT_SOURCES_MAX) bySource.delete(bySource.keys().next().value!)
      if (ports.size < SCAN_PORTS) return false
      bySource.delete(source)
      return true
    },
  }
}

function keyOf(tried: Tried): string {
  switch (tried.kind) {
    case 'tcp':
    case 'udp':
    case 'sctp':
      return `${tried.kind} ${tried.port}`
    case 'icmp':
    case 'icmpv6':
      return tried.kind
    case 'protocol':
      return `protocol ${tried.number}`
  }
}

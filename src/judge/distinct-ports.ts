/** Remembers which closed ports a source tried lately, for those who are not judged by one packet. */
import type { Tried } from '../decode/packet.ts'
import type { Fly } from '../terms/fly.ts'
import { recentlySeen } from '../terms/recently-seen.ts'

export interface DistinctPorts {
  /** Counts this try; true when it completes a scan. */
  isScan(source: Fly, tried: Tried, now: number): boolean
  forget(source: Fly): void
  forgetAll(): void
}

/** Sources remembered at most; the one that has been quiet longest makes room. */
export const DISTINCT_SOURCES_MAX = 10_000
/** So many different closed ports within the window are a scan. */
export const SCAN_PORTS = 3

export function distinctPorts(windowMs: number): DistinctPorts {
  const sources = recentlySeen<Fly, Map<string, number>>(DISTINCT_SOURCES_MAX)
  return {
    isScan(source, tried, now) {
      const ports = sources.take(source) ?? new Map<string, number>()
      for (const [port, at] of ports) if (now - at > windowMs) ports.delete(port)
      ports.set(keyOf(tried), now)
      if (ports.size >= SCAN_PORTS) return true
      sources.put(source, ports)
      return false
    },
    forget: source => void sources.take(source),
    forgetAll: sources.clear,
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

/** Which ports of the protected host answer in a capture file, and from which it calls others. Pure. */
import type { Tried } from '../decode/packet.ts'
import type { Service } from '../prove/scans.ts'

/** Ports of each protocol that listen. */
export const LISTENERS_MAX = 400
const [SYN, ACK, RST] = [2, 16, 4]
/** Linux' own range of the ports from which it calls, ip(7). */
export const CALLS = { least: 32_768, most: 60_999 } as const
/** Up to here ports are of services (RFC 6335: system ports). */
const SERVICE_PORTS = 1_023

/** Which ports answered, and from which it called. */
export function openPorts() {
  const first = new Map<string, { readonly service: Service; readonly isAsked: boolean }>()
  const answered = new Map<string, Service>()
  const calls: number[] = []
  return {
    see(tried: Tried, isOut: boolean): void {
      if (tried.kind !== 'tcp' && tried.kind !== 'udp') return
      const port = isOut ? tried.from : tried.port
      if (port === undefined || port === 0) return
      const service: Service = { protocol: tried.kind, port }
      const key = `${tried.kind} ${port}`
      if (!first.has(key)) first.set(key, { service, isAsked: !isOut })
      if (!isOut) return
      const flags = tried.kind === 'tcp' ? tried.flags : 0
      const isOpen = tried.kind === 'udp' || ((flags & SYN) !== 0 && (flags & ACK) !== 0)
      if (isOpen) answered.set(key, service)
      if (tried.kind === 'tcp' && isCall(flags, port, tried.port)) calls.push(port)
    },
    all() {
      // Whoever was asked first is a service; what asked first may be a client's port.
      const keys = [...answered.keys()]
      const sorted = [
        ...keys.filter(key => first.get(key)!.isAsked),
        ...keys.filter(key => !first.get(key)!.isAsked),
      ]
      const heard = (['tcp', 'udp'] as const).flatMap(protocol =>
        sorted
          .map(key => answered.get(key)!)
          .filter(service => service.protocol === protocol)
          .slice(0, LISTENERS_MAX),
      )
      const least = calls.reduce((one, other) => Math.min(one, other), CALLS.least)
      const most = calls.reduce((one, other) => Math.max(one, other), CALLS.most)
      return {
        services: heard,
        unheard: answered.size - heard.length,
        callsFrom: { least, most },
      }
    },
  }
}

/** A connection of its own begins, or one to a service goes on that began before the file. */
function isCall(flags: number, from: number, to: number): boolean {
  // From a service's port as well some call, such as FTP: that is no range.
  if ((flags & RST) !== 0 || from <= SERVICE_PORTS) return false
  return (flags & SYN) === 0 ? to <= SERVICE_PORTS && (flags & ACK) !== 0 : (flags & ACK) === 0
}

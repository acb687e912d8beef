/**
 * Ports at which somebody listens by certain addresses of this machine only: at its others they are closed as any port. What is served is remembered
 * by protocol and port, so the kernel is told which ports these are, and where they listen, or did lately. docs/decisions/0063-headers-and-addresses.md.
 */
import type { Mode } from '../settings/settings.ts'
import type { Address } from '../terms/address.ts'
import type { Change } from './firewall.ts'
import type { ConditionalDoors, ServedPort, Surroundings } from './surroundings.ts'

/** Where somebody listens: an address, IANA protocol number and port. */
export type Place = readonly [address: Address, protocol: number, port: number]

/** Places that are remembered at most. When there are more, all ports count as listening everywhere. */
export const BOUND_MAX = 4096

export interface Bound {
  /**
   * What the kernel's sets shall hold now, for modes that go by sockets. Without a daemon the places end by themselves. At which of these ports rules
   * send elsewhere what comes in, as `conditional` tells, somebody is served by any address.
   */
  changes(
    settings: { readonly closed: Mode; readonly served: number },
    around: Pick<Surroundings, 'bound'>,
    conditional: Pick<ConditionalDoors, 'translated'>,
    now: number,
  ): readonly Change[]
}

interface Remembered {
  readonly place: Place
  readonly until: number
}

export function openBound(): Bound {
  let memory: ReadonlyMap<string, Remembered> = new Map()
  /** Until when they count as translated: those of them that are bound. */
  const translatedUntil = new Map<string, number>()
  return {
    changes({ closed, served }, around, { translated = [] }, now) {
      const places = closed === 'unmatched' ? [] : around.bound()
      const ports = new Set(places.map(portOf))
      for (const port of translated.map(String))
        if (ports.has(port)) translatedUntil.set(port, now + Math.max(1, served) * 1000)
      for (const [port, until] of translatedUntil) if (until <= now) translatedUntil.delete(port)
      const bound = places.filter(place => !translatedUntil.has(portOf(place)))
      const next = new Map([...memory].filter(([, { until }]) => until > now))
      for (const place of bound) next.set(String(place), { place, until: now + Math.max(1, served) * 1000 })
      memory = next.size > BOUND_MAX ? new Map() : next
      return changesOf(memory.size === 0 ? [] : bound, [...memory.values()], now)
    },
  }
}

function portOf([, ...port]: Place): string {
  return String(port)
}

function changesOf(bound: readonly Place[], places: readonly Remembered[], now: number): readonly Change[] {
  const ports = new Map(
    bound.map(([, protocol, port]): [string, ServedPort] => [`${protocol} ${port}`, [protocol, port]]),
  )
  const of = (six: boolean) =>
    places
      .filter(({ place: [address] }) => address.includes(':') === six)
      .map(({ place, until }) => ({ element: place, seconds: Math.ceil((until - now) / 1000) }))
  return [
    { change: 'empty', set: 'flypaper_bound_ports' },
    { change: 'empty', set: 'flypaper_bound' },
    { change: 'empty', set: 'flypaper_bound6' },
    { change: 'add', set: 'flypaper_bound', elements: of(false) },
    { change: 'add', set: 'flypaper_bound6', elements: of(true) },
    {
      change: 'add',
      set: 'flypaper_bound_ports',
      elements: [...ports.values()].map(element => ({ element })),
    },
  ]
}

/** What the long test sends: sources that scan at random, and the opening, which meets every fate. */

import type { Outgoing } from '../../src/prove/packets.ts'
import { CLOSED_PORTS } from '../support/books.ts'

export const GATE = '192.0.2.1'
/** Places of the flypaper, of the hold, and for promotions at once: few, so that every fate is met. */
export const SMALL = { flypaper: 200, hold: 32, burst: 200 }

/** A whole number below. */
export function random(below: number): number {
  return Math.floor(Math.random() * below)
}

export function sourceOf(n: number): string {
  return `198.${18 + ((n >> 16) & 1)}.${(n >> 8) & 255}.${n & 255}`
}

export interface Scans {
  /** How many sources there have been. */
  sources(): number
  /** A third of the sources have been here before; some try several ports at once, some an open one. */
  atRandom(): Outgoing[]
  /**
   * More sources than are promoted at once, each with two ports: the hold is full after the first 32, so that both ports of the
   * others are judged. Lockouts, some again, the rest held only.
   */
  crowd(): Outgoing[]
  /** So many sources, each with one port. */
  newcomers(count: number): Outgoing[]
}

export function openScans(): Scans {
  let sources = 0
  const port = () => CLOSED_PORTS.first + random(CLOSED_PORTS.last - CLOSED_PORTS.first)
  const to = (source: string, tried: { tcp: number } | { udp: number }): Outgoing => ({
    source,
    destination: GATE,
    ...tried,
  })
  const newcomers = (count: number, packets: (source: string) => Outgoing[]) =>
    Array.from({ length: count }, () => packets(sourceOf(sources++))).flat()

  function anyPacket(source: string): Outgoing {
    if (random(4) === 0) return to(source, { udp: port() })
    return to(source, { tcp: random(5) === 0 ? 22 : port() })
  }

  return {
    sources: () => sources,
    atRandom: () =>
      Array.from({ length: 50 + random(150) }, () => {
        const source = sourceOf(random(3) === 0 ? random(sources + 1) : sources++)
        return Array.from({ length: 1 + random(3) }, () => anyPacket(source))
      }).flat(),
    crowd: () =>
      newcomers(2 * SMALL.burst, source => [
        to(source, { tcp: CLOSED_PORTS.first }),
        to(source, { tcp: CLOSED_PORTS.last }),
      ]),
    newcomers: count => newcomers(count, source => [to(source, { tcp: port() })]),
  }
}

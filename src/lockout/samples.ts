/**
 * Which ports flies go on to try: a sample, of which the kernel tells so many packets a second. It is told by `why` and `report`, and nothing
 * else is made of it: it is no evidence, lengthens nothing, and anybody can add to it in a fly's name.
 */
import type { Tried } from '../decode/packet.ts'
import { whatOf } from '../judge/evidence.ts'
import type { Fly } from '../terms/fly.ts'

export interface Sample {
  readonly source: Fly
  /** When it was locked out, and when it tried the last of these, in milliseconds since the epoch. */
  readonly since: number
  readonly last: number
  /** Different ones, as whatOf() writes them. */
  readonly ports: readonly string[]
}

/** Different ports that are remembered of a fly. */
export const SAMPLED_PORTS_MAX = 32
/** Flies of which one second remembers something. */
export const SAMPLED_A_SECOND = 1000

const [RST, ACK] = [0x04, 0x10]

export interface SampleBuffer {
  saw(source: Fly, since: number, tried: Tried, now: number): void
  /** What was seen since the last time. */
  take(): readonly Sample[]
}

export function openSampleBuffer(): SampleBuffer {
  const seen = new Map<Fly, { since: number; last: number; ports: Set<string> }>()
  return {
    saw(source, since, tried, now) {
      if (!isTry(tried)) return
      let sample = seen.get(source)
      if (sample === undefined || sample.since !== since) {
        if (sample === undefined && seen.size >= SAMPLED_A_SECOND) return
        sample = { since, last: now, ports: new Set() }
        seen.set(source, sample)
      }
      sample.last = now
      if (sample.ports.size < SAMPLED_PORTS_MAX) sample.ports.add(whatOf(tried))
    },
    take() {
      const taken = [...seen].map(([source, { ports, ...times }]) => ({
        source,
        ...times,
        ports: [...ports],
      }))
      seen.clear()
      return taken
    },
  }
}

/** What has ACK or RST belongs to a connection that was open, or looks so. */
function isTry(tried: Tried): boolean {
  return tried.kind === 'udp' || (tried.kind === 'tcp' && (tried.flags & (ACK | RST)) === 0)
}

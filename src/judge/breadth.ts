/**
 * Breadth: one customer line of IPv6 is a /56 or a /48, and each /64 of it a source by itself. Where many networks of one prefix try a closed port
 * each, and each another one, that is one scan by many names: the prefix is *suspect*, and its hosts have no free tries. It shuts
 * nobody out by itself, since anybody can forge it. docs/decisions/0064-breadth.md says why.
 */
import { formatIPv6 } from '../decode/address.ts'
import { type Prefix, prefixAround } from '../terms/address.ts'
import { recentlySeen } from '../terms/recently-seen.ts'

/** So many different networks of a prefix, each with a closed port of its own. */
export const BREADTH = 16
/** How long each of them counts, and how long a prefix is suspect then, in seconds. */
export const BREADTH_SECONDS = 3600
/** Prefixes of each length that are remembered; the one that has been quiet longest makes room. */
export const BREADTH_PREFIXES_MAX = 4096

/** Of a /56 its /64s count, of a /48 its /56s: bytes of the prefix, and of the networks in it. */
const LEVELS = [
  { length: 56, bytes: 7, networkBytes: 8 },
  { length: 48, bytes: 6, networkBytes: 7 },
] as const

export interface Breadth {
  /** A source that sticks by its /64 has tried a closed port. Which prefixes become suspect by it? */
  saw(source: Uint8Array, what: string, now: number): readonly Prefix[]
  /** The kernel may have lost who is suspect: the next packet tells again. */
  tellAgain(): void
  forgetAll(): void
}

interface Seen {
  /** No two of them are of the same network, or of the same port. */
  readonly tries: readonly Try[]
  /** It was told to be suspect until then, in milliseconds since the epoch; and what was told before `generation` is forgotten. */
  readonly suspectUntil: number
  readonly generation: number
}

interface Try {
  readonly network: string
  readonly what: string
  readonly until: number
}

export function openBreadth(): Breadth {
  const levels = LEVELS.map(level => ({ ...level, seen: recentlySeen<string, Seen>(BREADTH_PREFIXES_MAX) }))
  let generation = 0
  return {
    saw(source, what, now) {
      return levels.flatMap(({ length, bytes, networkBytes, seen }) => {
        const key = keyOf(source, bytes)
        const before = seen.take(key)
        const told = before?.generation === generation ? before.suspectUntil : Number.NEGATIVE_INFINITY
        const tries = withTry(before?.tries ?? [], keyOf(source, networkBytes), what, now)
        const isNews = tries.length >= BREADTH && told <= now
        seen.put(key, { tries, generation, suspectUntil: isNews ? now + BREADTH_SECONDS * 1000 : told })
        return isNews ? [prefixAround(formatIPv6(source, 0), length)] : []
      })
    },
    tellAgain() {
      generation++
    },
    forgetAll() {
      for (const { seen } of levels) seen.clear()
    },
  }
}

/** A network, or a port, that counts already adds nothing: so each of them has one of its own. */
function withTry(tries: readonly Try[], network: string, what: string, now: number): readonly Try[] {
  const left = tries.some(({ until }) => until <= now) ? tries.filter(({ until }) => until > now) : tries
  if (left.some(one => one.network === network || one.what === what)) return left
  return [...left.slice(1 - BREADTH), { network, what, until: now + BREADTH_SECONDS * 1000 }]
}

function keyOf(address: Uint8Array, bytes: number): string {
  return String.fromCharCode(...address.subarray(0, bytes))
}

/**
 * What another host or tool says of sources. It is no order: whoever one forged packet would not lock out here is refused, and who is a fly already
 * stays as he is. The length is that of a first offence at most, nothing is prolonged, and nobody leaves for it. Pure.
 */

import { HOSTS6, NO_HOSTS } from '../../judge/judge.ts'
import type { Settings } from '../../settings/settings.ts'
import { covers, type Prefix, parsePrefix } from '../../terms/address.ts'
import type { Seconds } from '../../terms/duration.ts'
import { type Fly, NAT64, prefixOf } from '../../terms/fly.ts'
import { type PrefixSet, prefixSet } from '../../terms/prefix-set.ts'
import { type Flies, isOneHost } from '../flies.ts'
import { lengthOf } from '../length.ts'
import type { Lockout, Memory, Testifier } from '../lockout.ts'
import { type Decision, decision, leaving } from './decision.ts'
import { flyOf } from './lock.ts'
import { isRoomy, type Room } from './room.ts'

/** What is said of one source. */
export interface Word {
  readonly prefix: Prefix
  /** How long it shall be locked out; never longer than a first offence. */
  readonly seconds: Seconds
  /** Why, in the author's words. */
  readonly note?: string | undefined
}

/** Why a testimony is not taken. */
export const DOUBTS = [
  'prefix',
  'never-list',
  'near',
  'no-host',
  'private',
  'inside',
  'shared',
  'peer',
  'known',
  'connected',
  'paused',
  'limit',
  'too-many',
  'full',
] as const
export type Doubt = (typeof DOUBTS)[number]

export interface Testified {
  /** Who is a fly by it now. */
  readonly locked: readonly Fly[]
  /** Who is a fly already: nothing was changed. */
  readonly kept: readonly Fly[]
  readonly refused: readonly { readonly who: string; readonly why: Doubt }[]
}

/** Flies at the same time that are so by testimony alone. */
export const TESTIFIED_MAX = 10_000

/** Elsewhere they mean other hosts than here (RFC 1918, 4193, 6598, 8215), or all of IPv4 (RFC 6052). */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  '64:ff9b:1::/48',
  NAT64,
].map(text => parsePrefix(text)!)

export interface Hearing {
  readonly flies: Flies
  readonly lengths: Settings['lockout']
  readonly room: Room
  readonly never: PrefixSet
  /** Own addresses, gateways and resolvers. */
  readonly near: readonly Prefix[]
  /** Networks behind this machine. */
  readonly inside: PrefixSet
  /** Where IPv6 hosts stick one by one: no /64 that meets them is one host's. */
  readonly singles: PrefixSet
  /** Whose address many share by the settings. */
  readonly holdOnly: readonly Prefix[]
  readonly nameFly: Parameters<typeof flyOf>[1]
  /** Whom this machine has to do with, by the kernel. */
  readonly acquaintance: (fly: Fly) => 'peer' | 'known' | 'connected' | undefined
  readonly isPaused: boolean
  /** Takes so many from the promotion limit, or as many as it has for testimony. */
  readonly draw: (wanted: number) => number
  readonly pastOf: Memory['pastOf']
}

export function testify(
  words: readonly Word[],
  { by, via }: Testifier,
  hearing: Hearing,
  now: number,
): Testified & { readonly decision: Decision } {
  const { flies, lengths, nameFly, room } = hearing
  const wanted = new Map<Fly, Word>()
  const kept: Fly[] = []
  const refused: { who: string; why: Doubt }[] = []
  for (const word of words) {
    const { prefix } = word
    const fly = flyOf(prefix, nameFly)
    const why = doubt(prefix, fly, hearing)
    if (why !== undefined) refused.push({ who: prefix.text, why })
    else if (flies.get(fly, now) !== undefined) kept.push(fly)
    else wanted.set(fly, word)
  }
  const left = Math.max(0, TESTIFIED_MAX - flies.testified(now, TESTIFIED_MAX - wanted.size))
  const places = isRoomy(Math.min(wanted.size, left), flies, room.size) ? left : 0
  const admitted = hearing.draw(Math.min(wanted.size, places))
  const past = hearing.pastOf([...wanted.keys()])
  const enter: Lockout[] = []
  for (const [source, { seconds, note, prefix }] of wanted) {
    if (enter.length === admitted) {
      const why = admitted < Math.min(wanted.size, places) ? 'limit' : places < left ? 'full' : 'too-many'
      refused.push({ who: prefix.text, why })
      continue
    }
    const longest = lengthOf(1, 'forever', lengths)
    const length = longest === 'forever' ? seconds : Math.min(seconds, longest)
    enter.push({
      source,
      because: 'testimony',
      grade: 'testimony',
      by,
      via,
      ...(note !== undefined && { note }),
      since: now,
      until: now + length * 1000,
      times: (past.get(source)?.times ?? 0) + 1,
    })
  }
  return { locked: enter.map(({ source }) => source), kept, refused, decision: decision({ enter }) }
}

function doubt(prefix: Prefix, fly: Fly, hearing: Hearing): Doubt | undefined {
  const { never, near, inside, singles, holdOnly, acquaintance, isPaused } = hearing
  const isNet64 = prefix.family === 6 && prefix.length === 64
  if (!isOneHost(prefix) && !isNet64) return 'prefix'
  const wanted = prefixOf(fly)
  const isHost = prefix.family === 4 ? !isWithin(wanted, NO_HOSTS) : isWithin(wanted, HOSTS6)
  if (!isHost) return 'no-host'
  if (never.overlaps(wanted)) return 'never-list'
  if (prefixSet(near).overlaps(wanted) || (isNet64 && singles.overlaps(wanted))) return 'near'
  if (isWithin(wanted, PRIVATE)) return 'private'
  if (inside.overlaps(wanted)) return 'inside'
  if (prefixSet(holdOnly).overlaps(wanted)) return 'shared'
  return acquaintance(fly) ?? (isPaused ? 'paused' : undefined)
}

function isWithin(wanted: Prefix, prefixes: readonly Prefix[]): boolean {
  return prefixes.some(entry => covers(entry, wanted))
}

/** What the author takes back of these. */
export function withdraw(
  sources: readonly Fly[],
  { by, via }: Testifier,
  flies: Flies,
  now: number,
): { readonly withdrawn: readonly Fly[]; readonly decision: Decision } {
  const withdrawn = [...new Set(sources)].filter(fly => {
    const testimony = flies.get(fly, now)?.testimony
    return testimony?.by === by && testimony.via === via
  })
  const release = { at: now, by, because: 'withdrawn', counts: false }
  return { withdrawn, decision: decision({ leave: leaving(withdrawn, release) }) }
}

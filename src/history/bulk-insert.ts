/**
 * The lockouts of a flood are alike but for who tried which port from which one: one statement writes all of them, from a JSON
 * object. A statement for each takes twice the time.
 */
import type { Tried } from '../decode/packet.ts'
import type { Lockout } from '../lockout/lockout.ts'
import type { Value } from './database.ts'

/** One with ports and without what few have: its row is complete without a column for that. */
type Plain = Lockout & { readonly tried: Extract<Tried, { port: number }> & { readonly from: number } }

/** Lockouts in their order, in pieces that are alike. What is not plain is a piece of its own. */
export function* alikePieces(lockouts: readonly Lockout[]): Generator<readonly Lockout[]> {
  let start = 0
  for (let i = 1; i <= lockouts.length; i++) {
    if (i < lockouts.length && areAlike(lockouts[start]!, lockouts[i]!)) continue
    yield lockouts.slice(start, i)
    start = i
  }
}

function areAlike(one: Lockout, other: Lockout): boolean {
  return (
    isPlain(one) &&
    isPlain(other) &&
    one.tried.kind === other.tried.kind &&
    flagsOf(one.tried) === flagsOf(other.tried) &&
    one.times === other.times &&
    one.until === other.until &&
    one.since === other.since &&
    one.because === other.because &&
    one.hook === other.hook &&
    isSent(one) === isSent(other)
  )
}

function isPlain(lockout: Lockout): lockout is Plain {
  const { tried, packetSource, forwardedTo, by, note, grade, ports } = lockout
  const hasPorts = tried !== undefined && 'from' in tried && tried.from !== undefined
  const isBare = forwardedTo === undefined && by === undefined && note === undefined && ports === undefined
  return hasPorts && isBare && packetSource !== undefined && grade === 'forgeable'
}

/** Whether the packet's sender is another than the source: one address of its /64. */
export function isSent({ source, packetSource }: Lockout): boolean {
  return (packetSource as string | undefined) !== source
}

function flagsOf(tried: Tried): number | null {
  return tried.kind === 'tcp' ? tried.flags : null
}

/** The parameters of `addAlike` in schema.ts, or of `addAlikeSent`. */
export function alikeValues(alike: readonly Lockout[]): Record<string, Value> {
  const areSent = isSent(alike[0]!)
  // An address needs no escaping, and a number of 32 bits with a sign is quickest to write.
  const lockouts = (alike as readonly Plain[]).map(
    ({ source, packetSource, tried }) =>
      `"${areSent ? `${source} ${packetSource}` : source}":${(tried.from << 16) | tried.port}`,
  )
  const [{ tried, hook, because, since, until, times }] = alike as readonly [Plain]
  return {
    lockouts: `{${lockouts.join()}}`,
    tried: tried.kind,
    detail: flagsOf(tried),
    hook: hook ?? null,
    because,
    since,
    until: until === 'forever' ? null : until,
    times,
  }
}

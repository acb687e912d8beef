/**
 * The lockouts of a flood are alike but for who tried which port from which: one statement writes all of them, from a JSON
 * object. A statement for each takes twice the time.
 */
import type { Tried } from '../decode/packet.ts'
import type { Lockout } from '../lockout/lockout.ts'
import type { Value } from './database.ts'

/** What only source and ports, and TCP flags, tell apart from others: nothing of it is left out in a row. */
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
    one.times === other.times &&
    one.until === other.until &&
    one.since === other.since &&
    one.because === other.because &&
    one.hook === other.hook
  )
}

function isPlain(lockout: Lockout): lockout is Plain {
  const { tried, source, packetSource, forwardedTo, by, note } = lockout
  const hasPorts = tried !== undefined && 'from' in tried && tried.from !== undefined
  const isBare = forwardedTo === undefined && by === undefined && note === undefined
  return hasPorts && isBare && (packetSource as string) === source
}

/** The parameters of `addAlike` in schema.ts. */
export function alikeValues(alike: readonly Lockout[]): Record<string, Value> {
  let lockouts = ''
  for (const { source, tried } of alike as readonly Plain[]) {
    const flags = tried.kind === 'tcp' ? tried.flags : 0
    // An address needs no escaping.
    lockouts += `${lockouts === '' ? '{' : ','}"${source}":${flags * 2 ** 32 + tried.from * 2 ** 16 + tried.port}`
  }
  const [{ tried, hook, because, since, until, times }] = alike as readonly [Plain]
  return {
    lockouts: `${lockouts}}`,
    tried: tried.kind,
    hook: hook ?? null,
    because,
    since,
    until: until === 'forever' ? null : until,
    times,
  }
}

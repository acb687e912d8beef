/** The whole story of a source, from what the history, the kernel and the settings know of it. Pure. */

import type { LockoutRow } from '../../history/history.ts'
import type { Sighting } from '../../judge/sightings.ts'
import type { Held } from '../../lockout/hold.ts'
import { wordsOf } from '../../log/reasons.ts'
import { triedText } from '../../log/sentence.ts'
import { formatDuration } from '../../terms/duration.ts'
import { dateText } from './times.ts'

export interface Known {
  /** As it was asked for. */
  readonly who: string
  /** Newest first. */
  readonly lockouts: readonly LockoutRow[]
  /** Prefixes around it that are locked out by hand. */
  readonly around: readonly LockoutRow[]
  readonly sightings: readonly Sighting[]
  /** Undefined where the kernel could not be asked. */
  readonly held: Held | undefined
  /** The entry of the never-list that it meets. */
  readonly never: string | undefined
}

export interface Happening {
  readonly at: number
  readonly text: string
}

/** One sentence: how it stands with this source now. */
export function standing({ who, lockouts, around, held, never, sightings }: Known, now: number): string {
  const fly = [...lockouts, ...around].find(lockout => isInForce(lockout, now))
  if (never !== undefined) return `${who} is on the never-list (${never}): it is never judged.`
  if (fly !== undefined) {
    const name = fly.source === who ? who : `${who} (as ${fly.source})`
    if (fly.until === 'forever') return `${name} is locked out for ever.`
    const left = formatDuration((fly.until - now) / 1000)
    return `${name} is locked out for ${left} more, until ${dateText(fly.until)}.`
  }
  if (held !== undefined)
    return `${who} is held by the kernel for ${held.seconds ?? '?'} s more, and is no fly.`
  if (lockouts.length > 0) return `${who} is no fly any more.`
  return sightings.length > 0 ? `${who} never was a fly.` : `Nothing is known of ${who}.`
}

/** What happened, in the order of time. */
export function happenings({ lockouts, around, sightings }: Known, now: number): Happening[] {
  const all = [
    ...[...lockouts, ...around].flatMap(lockout => [
      { at: lockout.since, text: lockoutText(lockout) },
      ...endOf(lockout, now),
    ]),
    ...sightings.map(sighting => ({ at: sighting.last, text: sightingText(sighting) })),
  ]
  return all.sort((one, other) => one.at - other.at)
}

function isInForce({ until, released }: LockoutRow, now: number): boolean {
  return released === undefined && (until === 'forever' || until > now)
}

function lockoutText(lockout: LockoutRow): string {
  const { source, since, until, times, because, by, note } = lockout
  const length = until === 'forever' ? 'for ever' : `for ${formatDuration((until - since) / 1000)}`
  const what = [
    lockout.tried === undefined ? `locked out by ${by ?? 'hand'}` : `tried ${triedText(lockout.tried)}`,
    ...(lockout.packetSource !== undefined && String(lockout.packetSource) !== source
      ? [`from ${lockout.packetSource}`]
      : []),
    ...(lockout.forwardedTo === undefined ? [] : [`on the way to ${lockout.forwardedTo}`]),
    ...(lockout.tried === undefined ? [] : ['locked out']),
    length,
    ...(times > 1 ? [`time ${times}`] : []),
  ]
  const reason = because === 'by-hand' && note !== undefined ? note : `${wordsOf(because)} (${because})`
  return `${what.join(', ')}: ${reason}${prolongedText(lockout)}`
}

/** A person may give a fly that he did not lock out another end. */
function prolongedText({ because, by, note }: LockoutRow): string {
  if (because === 'by-hand' || by === undefined) return ''
  return `; until then by ${by}${note === undefined ? '' : `: ${note}`}`
}

function endOf({ until, released }: LockoutRow, now: number): Happening[] {
  if (released !== undefined) {
    return [{ at: released.at, text: `released by ${released.by}: ${released.because}` }]
  }
  return until === 'forever' || until > now ? [] : [{ at: until, text: 'its time was over' }]
}

function sightingText({ tried, because, count, first, last }: Sighting): string {
  const often = count === 1 ? '' : ` ${count} times since ${dateText(first)}, the last time`
  return `spared${often} at ${triedText(tried)}${count > 1 && last === first ? ' at once' : ''}: ${wordsOf(because)} (${because})`
}

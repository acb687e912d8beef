/** The whole story of a source, from what the history, the kernel and the settings know of it. Pure. */

import type { LockoutRow } from '../../history/history.ts'
import type { AlsoTried } from '../../history/samples.ts'
import type { Sighting } from '../../judge/sightings.ts'
import { isAttack } from '../../lockout/lockout.ts'
import { gradeText, wordsOf } from '../../log/reasons.ts'
import { triedText } from '../../log/sentence.ts'
import { sumText } from '../../log/sum.ts'
import type { NeverEntryFacts } from '../../settings/never-by-hand.ts'
import { formatDuration } from '../../terms/duration.ts'
import type { Known } from '../known.ts'
import { type Reachable, reachableBy } from '../reachable.ts'
import { dateText } from './times.ts'

export interface Happening {
  readonly at: number
  readonly text: string
}

/** One sentence: how it stands with this source now. */
export function standing(
  { who, lockouts, around, held, isAsked, packets, never, neverByHand, sightings, dryRun }: Known,
  now: number,
): string {
  const fly = inForce({ lockouts, around }, now)
  if (never !== undefined)
    return `${who} is on the never-list (${never}${entryText(neverByHand)}): it is never judged.`
  if (fly !== undefined) {
    const name = fly.source === who ? who : `${who} (as ${fly.source})`
    const is = dryRun ? 'would be' : 'is'
    if (fly.until === 'forever') return `${name} ${is} locked out for ever.`
    const left = formatDuration((fly.until - now) / 1000)
    const dropped = packets ? `; ${packets} of its packets were dropped lately` : ''
    return `${name} ${is} locked out for ${left} more, until ${dateText(fly.until)}${dropped}.`
  }
  if (held !== undefined)
    return `${who} is held by the kernel for ${held.seconds ?? '?'} s more, and is not locked out.`
  if (lockouts.length > 0) return `${who} is not locked out any more.`
  if (sightings.length > 0) return `${who} was never locked out.`
  return isAsked
    ? `Nothing is known of ${who}: the trap drops nothing of it.`
    : `Nothing is known of ${who}; whether the kernel holds it cannot be asked from here.`
}

/** ` by anna since 2026-11-24 …, until …: the monitor`. */
function entryText(entry: NeverEntryFacts | undefined): string {
  if (entry === undefined) return ''
  const { by, since, until, because } = entry
  const end = until === 'forever' ? 'for ever' : `until ${dateText(Date.parse(until))}`
  return ` of ${by} since ${dateText(Date.parse(since))}, ${end}${because === undefined ? '' : `: ${because}`}`
}

/** What ends it, for whoever is locked out or held now. */
export function wayOut(known: Known, now: number): string | undefined {
  if (known.never !== undefined || known.dryRun) return undefined
  const source = inForce(known, now)?.source ?? known.held?.source
  return source === undefined ? undefined : `To free it: flypaperd free ${source}`
}

/** What it still reaches; undefined for who is neither locked out nor held. */
export function reachable(known: Known, now: number): Reachable | undefined {
  if (wayOut(known, now) === undefined) return undefined
  return reachableBy(inForce(known, now) ?? {}, known.reachable)
}

function inForce(
  { lockouts, around }: Pick<Known, 'lockouts' | 'around'>,
  now: number,
): LockoutRow | undefined {
  return [...lockouts, ...around].find(lockout => isInForce(lockout, now))
}

/** What happened, in the order of time. */
export function happenings(
  { lockouts, around, sightings, alsoTried, threshold }: Known,
  now: number,
): Happening[] {
  const all = [
    ...[...lockouts, ...around].flatMap(lockout => [
      { at: lockout.since, text: lockoutText(lockout) },
      ...endOf(lockout, now),
    ]),
    ...sightings.map(sighting => ({ at: sighting.last, text: sightingText(sighting, threshold) })),
    ...(alsoTried === undefined ? [] : [{ at: alsoTried.last, text: alsoTriedText(alsoTried) }]),
  ]
  return all.sort((one, other) => one.at - other.at)
}

/** `since then also tried: TCP 22, 80; UDP 53 (a sample)`. */
function alsoTriedText({ ports }: AlsoTried): string {
  const ofProtocol = (protocol: string) =>
    ports
      .filter(what => what.startsWith(`${protocol}/`))
      .map(what => Number(what.slice(protocol.length + 1)))
      .sort((one, other) => one - other)
  const texts = ['tcp', 'udp'].flatMap(protocol => {
    const numbers = ofProtocol(protocol)
    return numbers.length === 0 ? [] : [`${protocol.toUpperCase()} ${numbers.join(', ')}`]
  })
  return `since then also tried: ${texts.join('; ')} (a sample)`
}

function isInForce({ until, released }: LockoutRow, now: number): boolean {
  return released === undefined && (until === 'forever' || until > now)
}

function lockoutText(lockout: LockoutRow): string {
  const { source, since, until, times, because, note } = lockout
  const length = until === 'forever' ? 'for ever' : `for ${formatDuration((until - since) / 1000)}`
  const what = [
    lockout.tried === undefined ? `locked out ${wherefore(lockout)}` : `tried ${triedText(lockout.tried)}`,
    ...(lockout.packetSource !== undefined && String(lockout.packetSource) !== source
      ? [`from ${lockout.packetSource}`]
      : []),
    ...(lockout.forwardedTo === undefined ? [] : [`on the way to ${lockout.forwardedTo}`]),
    ...(lockout.tried === undefined ? [] : ['locked out']),
    length,
    ...(times > 1 ? [`time ${times}`] : []),
  ]
  const reason = !isAttack(because) && note !== undefined ? note : `${wordsOf(because)} (${because})`
  return `${what.join(', ')}: ${reason}${evidenceText(lockout)}${prolongedText(lockout)}`
}

function wherefore({ because, by }: LockoutRow): string {
  return because === 'testimony' ? `on the testimony of ${by ?? 'nobody'}` : `by ${by ?? 'hand'}`
}

/** The sum, how good it is, and how many ports of earlier visits made the lockout longer. */
function evidenceText({ because, grade, evidence, ports }: LockoutRow): string {
  if (!isAttack(because)) return ''
  const sum = evidence === undefined ? '' : `; points: ${sumText(evidence)}`
  const before = (ports?.length ?? 1) - (evidence?.length ?? 1)
  const earlier = before > 0 ? `; ${ports!.length} different ports with those of earlier visits` : ''
  return `${sum}; evidence: ${gradeText(grade)}${earlier}`
}

/** It went on trying; or a person has given a fly that he did not lock out another end. */
function prolongedText({ because, by, note, prolonged = 0 }: LockoutRow): string {
  if (!isAttack(because) || by === undefined) {
    const often = prolonged === 1 ? 'once' : `${prolonged} times`
    return prolonged === 0 ? '' : `; prolonged ${often}, since it went on trying`
  }
  return `; until then by ${by}${note === undefined ? '' : `: ${note}`}`
}

function endOf({ until, released }: LockoutRow, now: number): Happening[] {
  if (released !== undefined) {
    return [{ at: released.at, text: `released by ${released.by}: ${released.because}` }]
  }
  return until === 'forever' || until > now ? [] : [{ at: until, text: 'its time was over' }]
}

function sightingText({ tried, because, count, first, last, evidence }: Sighting, threshold: number): string {
  const sum = evidence === undefined ? '' : `; points: ${sumText(evidence)} of ${threshold}`
  const often = count === 1 ? '' : ` ${count} times since ${dateText(first)}, the last time`
  return `spared${often} at ${triedText(tried)}${count > 1 && last === first ? ' at once' : ''}: ${wordsOf(because)} (${because})${sum}`
}

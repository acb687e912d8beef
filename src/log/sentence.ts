/**
 * One event, one sentence, and the same facts as an object. People grep for these words and programs parse
 * them, so they are stable: what is added later comes at the end.
 */
import type { Tried } from '../decode/packet.ts'
import type { Sighting } from '../judge/sightings.ts'
import type { Lockout, Prolongation } from '../lockout/lockout.ts'
import { formatDuration } from '../terms/duration.ts'
import { escapeText } from '../terms/escape.ts'
import type { Fly } from '../terms/fly.ts'
import { PROTOCOLS } from './protocols.ts'
import { wordsOf } from './reasons.ts'

export type Event =
  /** The second where it is a dry run. */
  | { readonly event: 'lockout' | 'would-lock-out'; readonly lockout: Lockout }
  | { readonly event: 'spared'; readonly sighting: Sighting }
  | { readonly event: 'free'; readonly source: string; readonly by: string }
  | { readonly event: 'prolong'; readonly prolongation: Prolongation }
  /** Until when, in milliseconds since the epoch. */
  | { readonly event: 'paused'; readonly until: number; readonly seconds: number; readonly by: string }
  | { readonly event: 'resumed'; readonly by: string }
  | { readonly event: 'rearmed'; readonly why: string; readonly flies: number; readonly took: number }
  | { readonly event: 'flush'; readonly flies: number; readonly by: string }
  | { readonly event: 'armed'; readonly capture: 'queue' | 'log'; readonly flies: number }
  | { readonly event: 'disarmed'; readonly flies: number }

/** `lockout 69.0.231.79, who tried TCP-port 20000, for 1h`; `free 69.0.231.79 (by root)`. */
export function sentence(event: Event): string {
  switch (event.event) {
    case 'lockout':
      return `lockout ${lockoutClause(event.lockout)}`
    case 'would-lock-out':
      return `would lock out ${lockoutClause(event.lockout)}`
    case 'spared':
      return sparedSentence(event.sighting)
    case 'free':
      return `free ${escapeText(event.source)} (by ${escapeText(event.by)})`
    case 'prolong':
      return `prolong ${prolongClause(event.prolongation)}`
    case 'paused':
      return `paused for ${formatDuration(event.seconds)} (by ${escapeText(event.by)}): nobody new is held or locked out`
    case 'resumed':
      return `the pause is over (by ${escapeText(event.by)})`
    case 'rearmed':
      return `${escapeText(event.why)}: armed again with ${count(event.flies)}, in ${event.took} ms`
    case 'flush':
      return `flush ${count(event.flies)} (by ${escapeText(event.by)})`
    case 'armed':
      return `trap armed, listening by ${event.capture === 'queue' ? 'queue' : 'NFLOG'}, with ${count(event.flies)}`
    case 'disarmed':
      return `trap disarmed, ${count(event.flies)} ${event.flies === 1 ? 'stays' : 'stay'} in the set`
  }
}

/** The facts of the sentence for programs: flat, times in ISO 8601 (UTC), what is not known left out. */
export function facts(event: Event): Readonly<Record<string, unknown>> {
  if (event.event === 'prolong') return { event: 'prolong', ...prolongFacts(event.prolongation) }
  if (event.event === 'paused') return { ...event, until: iso(event.until) }
  if ('lockout' in event) return { event: event.event, ...lockoutFacts(event.lockout) }
  if (event.event !== 'spared') return event
  const { first, last, ...sighting } = event.sighting
  return { event: 'spared', ...sighting, first: iso(first), last: iso(last) }
}

export function lockoutFacts<T extends Lockout>({ since, until, ...lockout }: T) {
  return { ...lockout, since: iso(since), until: until === 'forever' ? until : iso(until) }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** What is said when the set has no room. */
export function fullSentence(left: number, overflow: number): string {
  const whoLeft = `the ${count(left)} with the least time left made room`
  const whoIsHeld = `for ${overflow} nobody did, and they are only held`
  const what = [left > 0 ? whoLeft : '', overflow > 0 ? whoIsHeld : ''].filter(text => text !== '')
  return `flypaper is full: ${what.join('; ')} (raise flypaper under [sizes] in the settings)`
}

/** What is said when somebody has put hosts into the set that must not be there. */
export function refusedByHandSentence(refused: readonly Fly[], by: string): string {
  const whom = refused.length === 1 ? `${refused[0]}` : `${refused.length} hosts (${refused[0]} among them)`
  return `${by}, has put ${whom} into flypaper, but never-list, own addresses, gateways and resolvers are never locked out: taken out again`
}

/** `TCP-port 20000`, `ICMP-type 8`, `protocol 47 (GRE)`. */
export function triedText(tried: Tried): string {
  switch (tried.kind) {
    case 'tcp':
      return `TCP-port ${tried.port}`
    case 'udp':
      return `UDP-port ${tried.port}`
    case 'sctp':
      return `SCTP-port ${tried.port}`
    case 'icmp':
      return `ICMP-type ${tried.type}`
    case 'icmpv6':
      return `ICMPv6-type ${tried.type}`
    case 'protocol': {
      const name = PROTOCOLS[tried.number]
      return name === undefined ? `protocol ${tried.number}` : `protocol ${tried.number} (${name})`
    }
  }
}

function prolongFacts({ until, ...prolongation }: Prolongation) {
  return { ...prolongation, until: until === 'forever' ? until : iso(until) }
}

function prolongClause({ source, until, by, note }: Prolongation): string {
  const end = until === 'forever' ? 'for ever' : `until ${iso(until)}`
  if (by === undefined) return `${escapeText(source)}, ${end}: it goes on trying`
  return `${escapeText(source)}, ${end} (by ${escapeText(by)})${note === undefined ? '' : `: ${escapeText(note)}`}`
}

function lockoutClause(lockout: Lockout): string {
  const source = escapeText(lockout.source)
  let text = source
  const isTestified = lockout.because === 'testimony'
  if (isTestified) text += `, on the testimony of ${escapeText(lockout.by ?? 'nobody')}`
  else text += lockout.tried === undefined ? ', by hand' : `, who tried ${triedText(lockout.tried)}`
  const sender: string = lockout.packetSource ?? lockout.source
  if (sender !== lockout.source) text += ` (from ${escapeText(sender)})`
  text +=
    lockout.until === 'forever'
      ? ', for ever'
      : `, for ${formatDuration((lockout.until - lockout.since) / 1000)}`
  if (lockout.times > 1) text += `, the ${ordinal(lockout.times)} time`
  if (lockout.forwardedTo !== undefined) text += `, forwarded to ${escapeText(lockout.forwardedTo)}`
  if (lockout.by !== undefined && !isTestified) text += ` (by ${escapeText(lockout.by)})`
  if (lockout.note !== undefined) text += `: ${escapeText(lockout.note)}`
  return text
}

/** `spared 198.51.100.7, who tried TCP-port 81, 3 times: it is on the never-list of the settings`. */
function sparedSentence({ source, tried, count, because }: Sighting): string {
  const often = count === 1 ? '' : `, ${count} times`
  return `spared ${escapeText(source)}, who tried ${triedText(tried)}${often}: ${wordsOf(because)}`
}

const SUFFIX: Readonly<Record<Intl.LDMLPluralRule, string>> = {
  one: 'st',
  two: 'nd',
  few: 'rd',
  other: 'th',
  zero: 'th',
  many: 'th',
}
const PLURAL = new Intl.PluralRules('en', { type: 'ordinal' })

function ordinal(number: number): string {
  return `${number}${SUFFIX[PLURAL.select(number)]}`
}

function count(flies: number): string {
  return flies === 1 ? '1 fly' : `${flies} flies`
}

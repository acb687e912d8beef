/**
 * Puts what the ring remembers through other settings: by the judge and the decisions of the daemon itself, whose clock is that of the packets.
 * Of the kernel one thing is done here: whoever is a fly by these settings is not heard. What the kernel graded by stays as it was.
 */

import type { Arrived } from '../daemon/weigh.ts'
import { weigh } from '../daemon/weigh.ts'
import { decode } from '../decode/decode.ts'
import type { Packet } from '../decode/packet.ts'
import { whatOf } from '../judge/evidence.ts'
import { type Lockout, stretchOf } from '../lockout/lockout.ts'
import type { Context } from '../ring/context.ts'
import { neighbourhoodOf } from '../ring/context.ts'
import type { Entry, Note, Noted, Seen } from '../ring/entry.ts'
import type { Settings } from '../settings/settings.ts'
import type { Fly } from '../terms/fly.ts'
import { deedsOf, EVERYBODY } from './deeds.ts'
import { openMiddle, type Past } from './middle.ts'
import { openVisits, type Visits } from './visits.ts'

export interface Replayed {
  readonly happened: Visits
  readonly would: Visits
  /** Milliseconds since the epoch; undefined where there is nothing. */
  readonly from: number | undefined
  readonly until: number | undefined
  readonly packets: number
  /** Each once: what held when packets came. */
  readonly contexts: readonly Context[]
  /** Packets that the kernel would not have handed over, since their source is locked out or held by these settings. */
  readonly unheard: number
  /** Packets of which it was never asked whether somebody listens where they went. */
  readonly unasked: number
  /** Packets and notes that are missing. */
  readonly leftOut: number
  /** Lockouts that went on in fact, of sources of which nobody knows whether they would by these settings. */
  readonly unknownTrying: number
  /** How often the clock was set. */
  readonly clockSteps: number
}

/** Why the daemon let go without asking who listens. */
const BEFORE_SERVED: ReadonlySet<string> = new Set(['never-list', 'near', 'no-host'])

export function replay(entries: Iterable<Entry>, settings: Settings, past: Past): Replayed {
  const happened = openVisits()
  const would = openVisits()
  const contexts = new Map<string, Context>()
  const counts = { packets: 0, unheard: 0, unasked: 0, leftOut: 0, unknownTrying: 0, clockSteps: 0 }
  const middle = openMiddle(settings, past)
  /** A dry run holds nobody; by settings that are none, sources are held. */
  const held = new Map<Fly, number>()
  const { free, lockByHand, goOn } = deedsOf({ middle, happened, would, held, settings })
  let isDry = false
  let from: number | undefined
  let until: number | undefined
  let batch: Seen[] = []

  function take(entry: Entry): void {
    if (entry.entry === 'packet' && entry.isSameBatch) batch.push(entry)
    else {
      judgeBatch()
      if (entry.entry === 'packet') batch = [entry]
      else takeNote(entry)
    }
    from = Math.min(from ?? entry.at, entry.at)
    until = Math.max(until ?? entry.at, entry.at)
  }

  function judgeBatch(): void {
    if (batch.length === 0) return
    const { at } = batch[0]!
    middle.at = at
    const arrived = batch.flatMap(seen => heard(seen, at))
    batch = []
    const weighed = arrived.length === 0 ? undefined : weigh(middle.weighing, arrived)
    for (const lockout of weighed?.entered ?? []) would.add(lockout.source, visitOf(lockout))
    if (isDry && !settings.dryRun) for (const fly of middle.unheld()) held.delete(fly)
  }

  /** What happened by it, and the packet itself where the kernel would have handed it over. */
  function heard(seen: Seen, at: number): Arrived[] {
    const packet = decode(seen.bytes)
    if ('unreadable' in packet) return []
    counts.packets++
    noteWhatHappened(seen, packet)
    const fly = middle.nameFly(packet.source)
    if (!settings.dryRun && isSilent(fly, seen, at)) {
      counts.unheard++
      return []
    }
    if (isDry && seen.channel === 'offence') held.set(fly, at + settings.hold * 1000)
    if (BEFORE_SERVED.has(seen.because) && seen.hook === 'input') counts.unasked++
    return [{ packet, channel: seen.channel, hook: seen.hook, isUnserved: seen.because === 'served' }]
  }

  function isSilent(fly: Fly, { isAgain }: Seen, at: number): boolean {
    if (isDry && (held.get(fly) ?? 0) > at) return true
    // It was on its way when its source was locked out, then as now.
    return middle.weighing.state.flies.get(fly, at) !== undefined && (isDry || !isAgain)
  }

  function noteWhatHappened({ lockout, fly, because, at }: Seen, { source, tried }: Packet): void {
    if (lockout === undefined) return
    const end = lockout === 'forever' ? lockout : at + lockout * 1000
    happened.add(fly ?? (source as string as Fly), { since: at, until: end, because, tried: [whatOf(tried)] })
  }

  function takeNote({ at, what }: Noted): void {
    middle.at = at
    switch (what.note) {
      case 'began':
      case 'changed':
        follow(what)
        break
      case 'freed':
        free(what.sources, at)
        break
      case 'let-go':
        middle.weighing.state.memory.forget(what.sources)
        break
      case 'flushed':
        free(EVERYBODY, at)
        middle.forgetAll()
        break
      case 'by-hand':
        for (const [source, end] of what.sources) lockByHand(source, end, at)
        break
      case 'goes-on':
        for (const [source, end] of what.sources) if (!goOn(source, end, at)) counts.unknownTrying++
        break
      case 'clock':
        counts.clockSteps++
        middle.weighing.state.flies.shift(what.stepped)
        past.history.shift(what.stepped)
        for (const visits of [happened, would]) visits.shift(what.stepped, at - what.stepped)
        break
      case 'left-out':
        counts.leftOut += what.tooMany + what.tooSlow
    }
  }

  function follow({ note, context }: Extract<Note, { context: Context }>): void {
    contexts.set(JSON.stringify(context), context)
    isDry = context.dryRun
    // A daemon that begins remembers no evidence.
    if (note === 'began') middle.forgetAll()
    middle.follow(neighbourhoodOf(context))
  }

  for (const entry of entries) take(entry)
  judgeBatch()
  return { happened, would, from, until, contexts: [...contexts.values()], ...counts }

  function visitOf(lockout: Lockout) {
    const { source, since, until, because, evidence, tried } = lockout
    middle.stretches(source, stretchOf(lockout))
    const all = evidence?.map(({ what }) => what) ?? (tried === undefined ? [] : [whatOf(tried)])
    return { since, until, because, tried: all }
  }
}

/** Whom the ring tells of, and since when: what was known of them before is asked of the history. */
export function sourcesOf(
  entries: Iterable<Entry>,
  settings: Settings,
): { readonly from: number | undefined; readonly sources: ReadonlySet<Fly>; readonly isDry: boolean } {
  const middle = openMiddle(settings, undefined)
  const sources = new Set<Fly>()
  let from: number | undefined
  let isDry = false
  for (const entry of entries) {
    from = Math.min(from ?? entry.at, entry.at)
    if (entry.entry === 'packet') {
      const packet = decode(entry.bytes)
      if (!('unreadable' in packet)) sources.add(middle.nameFly(packet.source))
    } else if ('context' in entry.what) {
      isDry = entry.what.context.dryRun
      middle.follow(neighbourhoodOf(entry.what.context))
    }
  }
  return { from, sources, isDry }
}

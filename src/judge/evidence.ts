/**
 * The table of evidence. Each source, protocol and port counts once within a window, and half until it has faded; how much, depends on who
 * asks and on what is asked. At a sum of `threshold` the source sticks. docs/decisions/0048-one-table-of-evidence.md says why.
 */
import type { Tried } from '../decode/packet.ts'
import type { EvidenceTable } from '../settings/settings.ts'
import type { Seconds } from '../terms/duration.ts'
import type { Fly } from '../terms/fly.ts'
import { recentlySeen } from '../terms/recently-seen.ts'

/** Who a source is, as the kernel's sets know it: a host that we talk to, a known client, or anybody else. */
export const CLASSES = ['stranger', 'peer', 'known'] as const satisfies (keyof EvidenceTable)[]
export type Class = (typeof CLASSES)[number]

/**
 * What a packet asked for. `excusable`: what honest hosts send too, late packets and service ports of UDP; `illegal`: flags that no
 * connection carries, questions that only scanners ask, headers that hide what is wanted; `closed`: everything else that nobody took.
 */
export type Kind = 'excusable' | 'closed' | 'illegal'

/** One port that counts against a source; `what` as whatOf() writes it, or HIDDEN with a number. */
export interface Piece {
  readonly what: string
  readonly weight: number
}

/** What was tried, as far as it is told apart: `tcp/80`, `udp/53`, `icmp`, `protocol/47`. */
export function whatOf(tried: Tried): string {
  switch (tried.kind) {
    case 'tcp':
    case 'udp':
    case 'sctp':
      return `${tried.kind}/${tried.port}`
    case 'icmp':
    case 'icmpv6':
      return tried.kind
    case 'protocol':
      return `protocol/${tried.number}`
  }
}

/** What hides its port may be for a different one each time: it counts each time. The kernel tells each port that it can read once. */
export const HIDDEN = 'hidden'

export function sumOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { weight }) => sum + weight, 0)
}

/** For so long a port counts whole, and from its try on, where that is longer, half. */
export interface Times {
  readonly window: Seconds
  readonly fade: Seconds
}

/** What counts against sources that do not stick yet. */
export interface EvidenceMemory {
  /** Counts this piece, once, for as long as the class says, and returns all that counts against the source now. */
  add(source: Fly, of: Class, piece: Piece, times: Times, now: number): readonly Piece[]
  /** What counts against the source now, which is then forgotten. */
  take(source: Fly, now: number): readonly Piece[]
  /** They were freed. */
  forget(sources: readonly Fly[]): void
  /** Whoever this is true of. */
  forgetWhere(isForgotten: (source: Fly) => boolean): void
  forgetAll(): void
}

/** Sources of each class that are remembered at most; the one that has been quiet longest makes room. No class fills the memory of another. */
export const EVIDENCE_SOURCES_MAX = 16_384
/** Ports that count against one source at most; where the settings let it try more, the oldest makes room. */
export const EVIDENCE_PIECES_MAX = 64

interface Counting extends Piece {
  /** It counts whole until then, ... */
  readonly until: number
  /** ... and half, rounded down, until then. */
  readonly end: number
}

export function openEvidence(): EvidenceMemory {
  const memories = CLASSES.map(of => ({ of, sources: recentlySeen<Fly, Counting[]>(EVIDENCE_SOURCES_MAX) }))
  return {
    add(source, of, piece, { window, fade }, now) {
      const all: Piece[] = []
      for (const { of: one, sources } of memories) {
        let pieces = sources.size === 0 ? [] : (sources.take(source) ?? [])
        if (pieces.length > 0) pieces = pieces.filter(one => weightAt(one, now) > 0)
        const end = now + Math.max(window, fade) * 1000
        const until = now + window * 1000
        if (one === of) pieces = counted(pieces, { ...numbered(piece, pieces), until, end }, now)
        if (pieces.length > 0) sources.put(source, pieces)
        for (const one of pieces) all.push({ what: one.what, weight: weightAt(one, now) })
      }
      return onceEach(all)
    },
    take(source, now) {
      const all: Piece[] = []
      for (const { sources } of memories)
        if (sources.size > 0)
          for (const one of sources.take(source) ?? []) {
            const weight = weightAt(one, now)
            if (weight > 0) all.push({ what: one.what, weight })
          }
      return all
    },
    forget(forgotten) {
      for (const { sources } of memories) for (const source of forgotten) sources.take(source)
    },
    forgetWhere(isForgotten) {
      for (const { sources } of memories) sources.forget(isForgotten)
    },
    forgetAll() {
      for (const { sources } of memories) sources.clear()
    },
  }
}

function weightAt({ weight, until, end }: Counting, now: number): number {
  if (until > now) return weight
  return end > now ? Math.floor(weight / 2) : 0
}

/** `hidden/1`, `hidden/2`: behind those that are there. */
function numbered(piece: Piece, pieces: readonly Piece[]): Piece {
  if (piece.what !== HIDDEN) return piece
  const last = pieces.findLast(({ what }) => what.startsWith(`${HIDDEN}/`))
  return { ...piece, what: `${HIDDEN}/${Number(last?.what.slice(HIDDEN.length + 1) ?? 0) + 1}` }
}

/** A port that was counted stays what it is until its window is over: only more weight makes it count anew. */
function counted(pieces: readonly Counting[], piece: Counting, now: number): Counting[] {
  const before = pieces.find(({ what }) => what === piece.what)
  if (before !== undefined && weightAt(before, now) >= piece.weight) return [...pieces]
  const others = pieces.filter(({ what }) => what !== piece.what)
  return [...others.slice(1 - EVIDENCE_PIECES_MAX), piece]
}

/** A host may be of several classes one after the other: what counted twice counts once, at its greatest weight. */
export function onceEach(pieces: readonly Piece[]): readonly Piece[] {
  const heaviest = new Map<string, Piece>()
  for (const piece of pieces)
    if ((heaviest.get(piece.what)?.weight ?? 0) < piece.weight) heaviest.set(piece.what, piece)
  return heaviest.size === pieces.length ? pieces : [...heaviest.values()]
}

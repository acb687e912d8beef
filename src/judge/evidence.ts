/**
 * The table of evidence. Each source, protocol and port counts once within a window; how much, depends on who asks and on
 * what is asked. At a sum of `threshold` the source sticks. docs/decisions/0048-one-table-of-evidence.md says why.
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

/** One port that counts against a source; `what` as whatOf() writes it. */
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

export function sumOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { weight }) => sum + weight, 0)
}

/** What counts against sources that do not stick yet. */
export interface EvidenceMemory {
  /** Counts this piece for so many seconds, once, and returns all that counts against the source now. */
  add(source: Fly, of: Class, piece: Piece, window: Seconds, now: number): readonly Piece[]
  /** What counts against the source now, which is then forgotten. */
  take(source: Fly, now: number): readonly Piece[]
  /** They were freed. */
  forget(sources: readonly Fly[]): void
  forgetAll(): void
}

/** Sources of each class that are remembered at most; the one that has been quiet longest makes room. No class fills the memory of another. */
export const EVIDENCE_SOURCES_MAX = 16_384
/** Ports that count against one source at most; where the settings let it try more, the oldest makes room. */
export const EVIDENCE_PIECES_MAX = 64

interface Counting extends Piece {
  readonly until: number
}

export function openEvidence(): EvidenceMemory {
  const memories = CLASSES.map(of => ({ of, sources: recentlySeen<Fly, Counting[]>(EVIDENCE_SOURCES_MAX) }))
  return {
    add(source, of, piece, window, now) {
      const all: Piece[] = []
      for (const { of: one, sources } of memories) {
        let pieces = sources.size === 0 ? [] : (sources.take(source) ?? [])
        if (pieces.length > 0) pieces = pieces.filter(({ until }) => until > now)
        if (one === of) pieces = counted(pieces, { ...piece, until: now + window * 1000 })
        if (pieces.length > 0) sources.put(source, pieces)
        for (const { what, weight } of pieces) all.push({ what, weight })
      }
      return onceEach(all)
    },
    take(source, now) {
      const all: Piece[] = []
      for (const { sources } of memories)
        if (sources.size > 0)
          for (const { what, weight, until } of sources.take(source) ?? [])
            if (until > now) all.push({ what, weight })
      return all
    },
    forget(forgotten) {
      for (const { sources } of memories) for (const source of forgotten) sources.take(source)
    },
    forgetAll() {
      for (const { sources } of memories) sources.clear()
    },
  }
}

/** A port that was counted stays what it is until its time is over: only more weight makes it count anew. */
function counted(pieces: readonly Counting[], piece: Counting): Counting[] {
  const before = pieces.find(({ what }) => what === piece.what)
  if (before !== undefined && before.weight >= piece.weight) return [...pieces]
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

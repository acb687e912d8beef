/** A notice: that something happened which somebody wants to be told of. Notices of one kind wait together, as one pile. */
import type { NoticeKind } from '../../settings/settings.ts'
import { escapeText } from '../../terms/escape.ts'

export type Kind = NoticeKind | 'digest'
export const KINDS: readonly Kind[] = ['trap', 'failing', 'limit', 'ours', 'digest']

export interface Notice {
  readonly kind: Kind
  /** When it was, in milliseconds since the epoch. */
  readonly at: number
  readonly text: string
  /** How many things it stands for; 1 unless told. */
  readonly count?: number
}

/** What waits to be told of one kind. However many notices come, it does not grow beyond its lines. */
export interface Pile {
  /** When the first of them came in, by which the pace goes. */
  readonly begun: number
  /** When the first and the last of them were. */
  readonly first: number
  readonly last: number
  readonly count: number
  /** The first of them, word for word. */
  readonly lines: readonly { readonly at: number; readonly text: string; readonly count: number }[]
}

/** Notices that a message has word for word; the others are counted. */
export const LINES_MAX = 20
/** Characters of one of them. */
export const LINE_MAX = 500

export function pileOf({ at, text, count = 1 }: Notice, now: number): Pile {
  const line = { at, text: escapeText(text).slice(0, LINE_MAX), count }
  return { begun: now, first: at, last: at, count, lines: [line] }
}

/** Nothing is lost but the words of those that come late. */
export function together(one: Pile | undefined, later: Pile): Pile {
  if (one === undefined) return later
  return {
    begun: Math.min(one.begun, later.begun),
    first: Math.min(one.first, later.first),
    last: Math.max(one.last, later.last),
    count: one.count + later.count,
    lines: [...one.lines, ...later.lines].slice(0, LINES_MAX),
  }
}

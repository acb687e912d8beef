/**
 * Who is on the never-list by hand: what `never add` has put there, with who wanted it, why and until when. Kept in the state
 * directory, one entry a line of JSON, so that a line that is damaged takes no other with it. Pure.
 */
import { overlaps, type Prefix, parsePrefix } from '../terms/address.ts'
import { WIDEST_IN_FILE } from './prefix-lines.ts'
import type { NeverEntry } from './settings.ts'

/** Entries by hand at most: each is written anew at each change, and shown. */
export const NEVER_BY_HAND_MAX = 1000
/** Characters of a reason at most. */
export const BECAUSE_MAX = 200
/** Of who wanted it: a user of the kernel and what he claims. */
const BY_MAX = 400
/** Bytes of the file that are read: twice what so many of the longest entries take. */
export const NEVER_BY_HAND_BYTES = 4 * 1024 * 1024

/** Why somebody is not put there. */
export type NeverRefusal = 'too-wide' | 'full'

export interface NeverWish {
  readonly prefixes: readonly Prefix[]
  /** Milliseconds since the epoch. */
  readonly until: number | 'forever'
  readonly because?: string | undefined
  readonly by: string
}

export interface Added {
  readonly entries: readonly NeverEntry[]
  readonly added: readonly Prefix[]
  /** Who was there already, and has this end and this reason now. */
  readonly changed: readonly Prefix[]
  readonly refused: readonly { readonly prefix: Prefix; readonly why: NeverRefusal }[]
}

/** Wider ones could spare everybody: as in files, they are for the settings alone. */
export function isTooWide({ family, length }: Prefix): boolean {
  return length < WIDEST_IN_FILE[family]
}

/** The entries with those that are wanted; an entry of the same prefix gives way. */
export function withAdded(
  before: readonly NeverEntry[],
  { prefixes, until, because, by }: NeverWish,
  now: number,
): Added {
  const entries = new Map(before.map(entry => [entry.prefix.text, entry]))
  const added: Prefix[] = []
  const changed: Prefix[] = []
  const refused: Added['refused'][number][] = []
  for (const prefix of new Map(prefixes.map(one => [one.text, one])).values()) {
    const old = entries.get(prefix.text)
    if (isTooWide(prefix)) refused.push({ prefix, why: 'too-wide' })
    else if (old === undefined && entries.size >= NEVER_BY_HAND_MAX) refused.push({ prefix, why: 'full' })
    else {
      ;(old === undefined ? added : changed).push(prefix)
      entries.set(prefix.text, { prefix, ...(because && { because }), by, since: now, until })
    }
  }
  return { entries: [...entries.values()], added, changed, refused }
}

/** Those whose time is not over. The same array where that is all of them. */
export function inForce(entries: readonly NeverEntry[], now: number): readonly NeverEntry[] {
  const left = entries.filter(({ until }) => until === 'forever' || until > now)
  return left.length === entries.length ? entries : left
}

/** When the first of them ends, in milliseconds since the epoch. */
export function firstEnd(entries: readonly NeverEntry[]): number | undefined {
  const ends = entries.flatMap(({ until }) => (until === 'forever' ? [] : [until]))
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/** The clock was set by so many milliseconds: each lasts as long as before. */
export function shifted(entries: readonly NeverEntry[], ms: number): readonly NeverEntry[] {
  return entries.map(({ since, until, ...rest }) => ({
    ...rest,
    since: since + ms,
    until: until === 'forever' ? until : until + ms,
  }))
}

/** The first entry that the prefix meets. */
export function entryAcross(entries: readonly NeverEntry[], prefix: Prefix): NeverEntry | undefined {
  return entries.find(entry => overlaps(entry.prefix, prefix))
}

/** An entry as programs read it, times in ISO 8601. */
export interface NeverEntryFacts {
  readonly who: string
  readonly because?: string | undefined
  readonly by: string
  readonly since: string
  readonly until: string
}

export function factsOfEntry({ prefix, because, by, since, until }: NeverEntry): NeverEntryFacts {
  const iso = (ms: number) => new Date(ms).toISOString()
  const end = until === 'forever' ? until : iso(until)
  return { who: prefix.text, ...(because && { because }), by, since: iso(since), until: end }
}

/** Undefined for what is no entry that could have been added. */
export function entryOfFacts(facts: unknown): NeverEntry | undefined {
  if (typeof facts !== 'object' || facts === null) return undefined
  const { who, because, by, since, until } = facts as Partial<Record<keyof NeverEntryFacts, unknown>>
  const prefix = typeof who === 'string' ? parsePrefix(who) : undefined
  const begin = momentOf(since)
  const end = until === 'forever' ? until : momentOf(until)
  if (prefix === undefined || isTooWide(prefix) || begin === undefined || end === undefined) return undefined
  if (!isText(by, BY_MAX) || !(because === undefined || isText(because, BECAUSE_MAX))) return undefined
  return { prefix, ...(because && { because }), by, since: begin, until: end }
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most
}

function momentOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** The lines of the file, in ASCII: a damaged byte is one character, and damages one line. */
export function* entryLines(entries: readonly NeverEntry[]): Generator<string> {
  for (const entry of entries) yield `${asciiOf(JSON.stringify(factsOfEntry(entry)))}\n`
}

function asciiOf(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What the file says; `wrong` are the numbers of the lines that say nothing, from 1. The last entry of a prefix counts. */
export function readEntryLines(text: string): {
  readonly entries: readonly NeverEntry[]
  readonly wrong: readonly number[]
} {
  const entries = new Map<string, NeverEntry>()
  const wrong: number[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const entry = entryOfLine(line)
    if (entry === undefined || (entries.size >= NEVER_BY_HAND_MAX && !entries.has(entry.prefix.text)))
      wrong.push(i + 1)
    else entries.set(entry.prefix.text, entry)
  }
  return { entries: [...entries.values()], wrong }
}

function entryOfLine(line: string): NeverEntry | undefined {
  try {
    return entryOfFacts(JSON.parse(line))
  } catch {
    return undefined
  }
}

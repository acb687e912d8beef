/** A lockout as a row of the database, and back. */
import type { Tried } from '../decode/packet.ts'
import { type Piece, whatOf } from '../judge/evidence.ts'
import type { Grade } from '../judge/verdict.ts'
import { type Lockout, type LockoutTerm, type Past, testifierOf } from '../lockout/lockout.ts'
import { type Address, isIPv4, parsePrefix } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Fly } from '../terms/fly.ts'
import type { Value } from './database.ts'
import type { LockoutRow } from './lockout-row.ts'

/** The columns of table lockout as they are read; STRICT tables keep these types. */
interface Columns {
  id: number
  source: string
  packet_source: Address | null
  tried: string | null
  number: number
  from_port: number | null
  detail: number
  hook: NonNullable<Lockout['hook']> | null
  forwarded_to: Address | null
  because: Lockout['because']
  locked_by: string | null
  note: string | null
  since: number
  until: number | null
  times: number
  prolonged: number
  released_at: number | null
  released_by: string
  released_because: string
  grade: Grade | null
  evidence: string | null
  ports: string | null
  testified_by: string | null
  testified_via: string | null
}

/** The columns that are written when somebody is locked out, in the order of `valuesOf`. */
export const COLUMNS = [
  'source',
  'packet_source',
  'tried',
  'number',
  'from_port',
  'detail',
  'hook',
  'forwarded_to',
  'because',
  'locked_by',
  'note',
  'since',
  'until',
  'times',
  'stands',
  'grade',
  'evidence',
  'ports',
  'counts',
  'testified_by',
  'testified_via',
  'own_ended',
] as const

/** `stands`: whether it stands for its source among the attackers of its day. `before`: the source's own past, of a testimony, which leaves that as it is. */
export function valuesOf(lockout: Lockout, stands: boolean, before?: Past): Value[] {
  const { source, packetSource = source, tried, hook, forwardedTo, because, by, note, until } = lockout
  const testifier = testifierOf(lockout)
  const ports = before?.ports ?? lockout.ports
  return [
    source,
    (packetSource as string) === source ? null : packetSource,
    ...triedValues(tried),
    hook ?? null,
    forwardedTo ?? null,
    because,
    testifier === undefined ? (by ?? null) : null,
    note ?? null,
    lockout.since,
    until === 'forever' ? null : until,
    lockout.times,
    Number(stands),
    lockout.grade === gradeOf(because) ? null : lockout.grade,
    evidenceText(lockout.evidence),
    ports === undefined || ports.length === 0 ? null : ports.join(' '),
    Number(because !== 'testimony'),
    testifier?.by ?? null,
    testifier?.via ?? null,
    before?.ended ?? null,
  ]
}

/** The grade of a row that names none, as those of older versions. */
function gradeOf(because: Lockout['because']): Grade {
  return because === 'by-hand' ? 'by-hand' : 'forgeable'
}

/** `tcp/80 2 tcp/8080 2`. */
export function evidenceText(evidence: readonly Piece[] | undefined): string | null {
  return evidence?.map(({ what, weight }) => `${what} ${weight}`).join(' ') ?? null
}

export function evidenceOf(text: string): readonly Piece[] {
  return [...text.matchAll(/(\S+) (\d+)/g)].map(([, what, weight]) => ({
    what: what!,
    weight: Number(weight),
  }))
}

/** From the columns of pastOf in schema.ts. What was freed does not count, nor do the ports of it. */
export function pastOfRow(row: object): Past {
  const { times, counts, tried, number, ports, ended } = row as Pick<
    Columns,
    'times' | 'tried' | 'number' | 'ports'
  > & {
    counts: number
    ended: number | null
  }
  const own = tried === null ? [] : [whatOf(triedOf({ id: 0, tried, number, from_port: null, detail: 0 }))]
  return {
    times,
    ports: counts === 0 ? [] : (ports?.split(' ') ?? own),
    ended: ended ?? Number.POSITIVE_INFINITY,
  }
}

/** What was tried, in any table that has the columns tried, number, from_port and detail. */
export function triedValues(tried: Tried | undefined): [Value, Value, Value, Value] {
  if (tried === undefined) return [null, null, null, null]
  return [
    tried.kind,
    'port' in tried ? tried.port : 'type' in tried ? tried.type : tried.number,
    'from' in tried ? (tried.from ?? null) : null,
    'flags' in tried ? tried.flags : 'code' in tried ? tried.code : null,
  ]
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The lockout of a row. Throws a Failure for a row that this version did not write. Step by step: spread, a million take 5 s more. */
export function lockoutOf(row: object): LockoutRow {
  const columns = row as Columns
  const { tried, hook, forwarded_to, locked_by, note, released_at } = columns
  const lockout = { id: columns.id, source: flyOf(columns) } as Writable<LockoutRow>
  if (tried !== null) {
    lockout.packetSource = columns.packet_source ?? (columns.source as Address)
    lockout.tried = triedOf(columns as Columns & { tried: string })
  }
  if (hook !== null) lockout.hook = hook
  if (forwarded_to !== null) lockout.forwardedTo = forwarded_to
  lockout.because = columns.because
  lockout.grade = columns.grade ?? gradeOf(columns.because)
  if (locked_by !== null) lockout.by = locked_by
  if (typeof columns.testified_by === 'string') lockout.by = columns.testified_by
  if (typeof columns.testified_via === 'string') lockout.via = columns.testified_via
  if (note !== null) lockout.note = note
  lockout.since = columns.since
  lockout.until = columns.until ?? 'forever'
  lockout.times = columns.times
  // An older version's file has no such columns.
  if (typeof columns.evidence === 'string') lockout.evidence = evidenceOf(columns.evidence)
  if (typeof columns.ports === 'string') lockout.ports = columns.ports.split(' ')
  if (columns.prolonged > 0) lockout.prolonged = columns.prolonged
  if (released_at !== null) {
    const { released_by: by, released_because: because } = columns
    lockout.released = { at: released_at, by, because }
  }
  return lockout
}

/** What was tried, from the columns of a row. Throws a Failure for a kind that this version does not know. */
export function triedOf({
  id,
  tried: kind,
  number,
  from_port,
  detail,
}: Pick<Columns, 'id' | 'number' | 'from_port' | 'detail'> & { tried: string }): Tried {
  switch (kind) {
    case 'tcp':
      return from_port === null
        ? { kind, port: number, flags: detail }
        : { kind, port: number, from: from_port, flags: detail }
    case 'udp':
    case 'sctp':
      return from_port === null ? { kind, port: number } : { kind, port: number, from: from_port }
    case 'icmp':
    case 'icmpv6':
      return { kind, type: number, code: detail }
    case 'protocol':
      return { kind, number }
    default:
      throw foreign(id, kind)
  }
}

/** Who is locked out, since when and until when, from the columns of TERM in schema.ts. Throws as lockoutOf does. */
export function termOf(row: readonly unknown[]): LockoutTerm {
  const [id, source, since, until, stretch, byHand, by, via] = row as [
    number,
    string,
    number,
    number | null,
    number | null,
    number,
    string | null,
    string | null,
  ]
  const testimony = by === null || via === null || byHand === 1 ? undefined : { by, via }
  const term = { source: flyOf({ id, source }), since, until: until ?? ('forever' as const) }
  return { ...term, stretch: stretch ?? undefined, byHand: byHand === 1, testimony }
}

/** The source goes back into the kernel at a restart, so it is looked at. */
function flyOf({ id, source }: Pick<Columns, 'id' | 'source'>): Fly {
  if (!isIPv4(source) && parsePrefix(source)?.text !== source) throw foreign(id, source)
  return source as Fly
}

function foreign(id: number, text: string): Failure {
  return new Failure(
    `The history database says ${JSON.stringify(text)} in its lockout ${id}, which means nothing here.`,
    {
      exit: EXIT.unavailable,
      hint: 'It was changed by hand or by another program. Delete that row.',
    },
  )
}

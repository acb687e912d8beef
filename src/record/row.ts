/** A lockout as a row of the database, and back. */
import type { Tried } from '../decode/packet.ts'
import type { Lockout } from '../lockout/lockout.ts'
import { type Address, parsePrefix } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Fly } from '../terms/fly.ts'
import type { Value } from './database.ts'
import type { LockoutRow } from './lockout.ts'

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
  released_at: number | null
  released_by: string
  released_because: string
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
] as const

export function valuesOf(lockout: Lockout): Value[] {
  const { source, packetSource = source, tried, hook, forwardedTo, because, by, note, until } = lockout
  return [
    source,
    (packetSource as string) === source ? null : packetSource,
    ...triedValues(tried),
    hook ?? null,
    forwardedTo ?? null,
    because,
    by ?? null,
    note ?? null,
    lockout.since,
    until === 'forever' ? null : until,
    lockout.times,
  ]
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

/** The lockout of a row. Throws a Failure for a row that this version did not write. */
export function lockoutOf(row: object): LockoutRow {
  const columns = row as Columns
  return {
    id: columns.id,
    source: flyOf(columns),
    ...(columns.tried !== null && { packetSource: columns.packet_source ?? (columns.source as Address) }),
    ...(columns.tried !== null && { tried: triedOf({ ...columns, tried: columns.tried }) }),
    ...(columns.hook !== null && { hook: columns.hook }),
    ...(columns.forwarded_to !== null && { forwardedTo: columns.forwarded_to }),
    because: columns.because,
    ...(columns.locked_by !== null && { by: columns.locked_by }),
    ...(columns.note !== null && { note: columns.note }),
    since: columns.since,
    until: columns.until ?? 'forever',
    times: columns.times,
    ...(columns.released_at !== null && {
      released: { at: columns.released_at, by: columns.released_by, because: columns.released_because },
    }),
  }
}

/** What was tried, from the columns of a row. Throws a Failure for a kind that this version does not know. */
export function triedOf({
  id,
  tried: kind,
  number,
  from_port,
  detail,
}: Pick<Columns, 'id' | 'number' | 'from_port' | 'detail'> & { tried: string }): Tried {
  const from = from_port === null ? {} : { from: from_port }
  switch (kind) {
    case 'tcp':
      return { kind, port: number, ...from, flags: detail }
    case 'udp':
    case 'sctp':
      return { kind, port: number, ...from }
    case 'icmp':
    case 'icmpv6':
      return { kind, type: number, code: detail }
    case 'protocol':
      return { kind, number }
    default:
      throw foreign(id, kind)
  }
}

/** The source goes back into the kernel at a restart, so it is looked at. */
function flyOf({ id, source }: Columns): Fly {
  if (parsePrefix(source)?.text !== source) throw foreign(id, source)
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

/** A lockout as a row of the database, and back. */
import type { Tried } from '../decode/packet.ts'
import type { Lockout } from '../lockout/lockout.ts'
import { type Address, parsePrefix } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Fly } from '../terms/fly.ts'
import type { LockoutRow } from './lockout.ts'

/** The columns of table lockout as they are read; STRICT tables keep these types. */
interface Columns {
  id: number
  source: string
  packet_source: Address | null
  tried: string | null
  number: number
  from_port: number
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

export function columnsOf(lockout: Lockout): Record<string, string | number | null> {
  return {
    source: lockout.source,
    packet_source: lockout.packetSource ?? null,
    ...triedColumns(lockout.tried),
    hook: lockout.hook ?? null,
    forwarded_to: lockout.forwardedTo ?? null,
    because: lockout.because,
    locked_by: lockout.by ?? null,
    note: lockout.note ?? null,
    since: lockout.since,
    until: lockout.until === 'forever' ? null : lockout.until,
    times: lockout.times,
  }
}

/** The columns of what was tried, in any table that has them. */
export function triedColumns(tried: Tried | undefined): Record<string, string | number | null> {
  if (tried === undefined) return { tried: null, number: null, from_port: null, detail: null }
  return {
    tried: tried.kind,
    number: 'port' in tried ? tried.port : 'type' in tried ? tried.type : tried.number,
    from_port: 'from' in tried ? tried.from : null,
    detail: 'flags' in tried ? tried.flags : 'code' in tried ? tried.code : null,
  }
}

/** The lockout of a row. Throws a Failure for a row that this version did not write. */
export function lockoutOf(row: object): LockoutRow {
  const columns = row as Columns
  return {
    id: columns.id,
    source: flyOf(columns),
    ...(columns.packet_source !== null && { packetSource: columns.packet_source }),
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
  from_port: from,
  detail,
}: Pick<Columns, 'id' | 'number' | 'from_port' | 'detail'> & { tried: string }): Tried {
  switch (kind) {
    case 'tcp':
      return { kind, port: number, from, flags: detail }
    case 'udp':
    case 'sctp':
      return { kind, port: number, from }
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

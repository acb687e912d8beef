/**
 * The journal's own protocol (systemd, JOURNAL_NATIVE_PROTOCOL): a datagram with named fields for each line that tells of a source, so that
 * `journalctl FLYPAPERD_SOURCE=203.0.113.7` finds it. Everything else goes by standard error, and so does what the journal does not take at once.
 */
import { fstatSync } from 'node:fs'
import koffi from 'koffi'
import type { Facts } from '../log/log.ts'
import { LOG_AUTHPRIV, PRIORITY } from './syslog.ts'
import { unixDatagrams } from './unix-datagram.ts'

const SOCKET = '/run/systemd/journal/socket'
/** Whom a unit's standard error is connected to; of a journal namespace, too (systemd-journald.service(8)). */
const STREAM = /^\/run\/systemd\/journal(\.[^/]+)?\/stdout$/

const AF_UNIX = 1
/** struct sockaddr_un, unix(7). */
const ADDRESS_BYTES = 110

export interface Journal extends Disposable {
  /** Whether it took the line with its facts; it does not, where they name no source. */
  tell(level: keyof typeof PRIORITY, line: string, facts: Facts): boolean
}

/** Undefined where standard error is no stream of the journal: then the machine's journal is not ours to write to. */
export function openJournal(): Journal | undefined {
  if (!STREAM.test(peerOf(2) ?? '')) return undefined
  const socket = unixDatagrams(SOCKET)!
  return {
    tell(level, line, facts) {
      const fields = fieldsOf(facts)
      if (fields === undefined) return false
      return socket.send(
        journalEntry([['MESSAGE', line], ['PRIORITY', String(PRIORITY[level])], ...UNIT, ...fields]),
      )
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  }
}

type Field = readonly [name: string, value: string]

/** As the unit says it of the lines of standard error: SyslogIdentifier, SyslogFacility. */
const UNIT: readonly Field[] = [
  ['SYSLOG_IDENTIFIER', 'flypaperd'],
  ['SYSLOG_FACILITY', String(LOG_AUTHPRIV >> 3)],
]

/** Both names of a source: as it sticks, and which address of its /64 it was. */
export function fieldsOf({
  event,
  source,
  packetSource,
  tried,
  because,
}: Facts): readonly Field[] | undefined {
  if (typeof source !== 'string') return undefined
  const { kind, port } = (tried ?? {}) as { kind?: unknown; port?: unknown }
  const sender = packetSource === source ? undefined : packetSource
  const named: readonly (readonly [string, unknown])[] = [
    ['EVENT', event],
    ['SOURCE', source],
    ['SOURCE', sender],
    ['PROTO', kind],
    ['PORT', port],
    ['REASON', because],
  ]
  return named.flatMap(([name, value]) =>
    value === undefined ? [] : [[`FLYPAPERD_${name}`, String(value)] as const],
  )
}

/** A value with a line end is told by its length, 64 bits little-endian. */
export function journalEntry(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => {
      const bytes = Buffer.from(value)
      if (!value.includes('\n')) return [Buffer.from(`${name}=`), bytes, LINE_END]
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(bytes.length))
      return [Buffer.from(`${name}\n`), length, bytes, LINE_END]
    }),
  )
}

const LINE_END = Buffer.from('\n')

/** The path of the socket at the other end of a descriptor; undefined for whatever has none. */
function peerOf(fd: number): string | undefined {
  if (!isSocket(fd)) return undefined
  const getpeername = koffi.load(null).func('int getpeername(int, _Out_ void *, _Inout_ uint32_t *)')
  const address = Buffer.alloc(ADDRESS_BYTES)
  const length = [ADDRESS_BYTES]
  if (getpeername(fd, address, length) !== 0 || address.readUInt16LE(0) !== AF_UNIX) return undefined
  return address.toString('utf8', 2, Math.max(2, length[0]!)).replace(/\0.*$/s, '')
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    return false
  }
}

/**
 * Lockouts as reports for those who collect them from everybody: AbuseIPDB (https://www.abuseipdb.com/bulk-report) and DShield
 * (https://isc.sans.edu/specs/). Nothing of this machine is in them: neither its addresses nor its names.
 */
import ipaddr from 'ipaddr.js'
import type { Lockout } from '../../lockout/lockout.ts'
import { type Address, parseAddress } from '../../terms/address.ts'

export const ABUSE_FORMATS = ['abuseipdb', 'dshield'] as const
export type AbuseFormat = (typeof ABUSE_FORMATS)[number]

/** What AbuseIPDB takes in one file, without the line of the headings. */
export const ABUSEIPDB_MAX = 9_999
/** Its number of a port scan (https://www.abuseipdb.com/categories). */
const PORT_SCAN = 14
/** DShield's sign for who does not want to be told: an address that is nobody's. */
const NO_TARGET = '10.0.0.0'
const UNKNOWN = '???'

export interface Scan {
  readonly source: Address
  /** Of TCP, two at least. */
  readonly ports: readonly number[]
  /** In milliseconds since the epoch. */
  readonly at: number
}

/**
 * What may be told of somebody to others: several ports of TCP, of an address of the internet. One packet can be forged by anybody, and so
 * can all of UDP; what a person did by hand, or another machine tells, is no evidence of ours. Undefined: nothing.
 */
export function scanOf({ grade, ports = [], packetSource, source, since }: Lockout): Scan | undefined {
  if (grade === 'by-hand' || grade === 'testimony') return undefined
  const address = packetSource ?? parseAddress(source)
  if (address === undefined || ipaddr.parse(address).range() !== 'unicast') return undefined
  const tcp = ports
    .flatMap(port => /^tcp\/(\d+)$/.exec(port)?.[1] ?? [])
    .map(Number)
    .toSorted((one, other) => one - other)
  return tcp.length < 2 ? undefined : { source: address, ports: tcp, at: since }
}

export function* scansIn(lockouts: Iterable<Lockout>): Generator<Scan> {
  for (const lockout of lockouts) {
    const scan = scanOf(lockout)
    if (scan !== undefined) yield scan
  }
}

/** The lines for these scans; each address once, as its newest scan, which comes first. */
export function* abuseReport(format: AbuseFormat, scans: Iterable<Scan>): Generator<string> {
  if (format === 'abuseipdb') yield 'IP,Categories,ReportDate,Comment'
  const told = new Set<Address>()
  for (const scan of scans) {
    if (told.has(scan.source)) continue
    told.add(scan.source)
    yield* format === 'abuseipdb' ? [abuseIpdbLine(scan)] : dshieldLines(scan)
    if (format === 'abuseipdb' && told.size >= ABUSEIPDB_MAX) return
  }
}

/** RFC 4180, as far as it goes: nothing in it needs more than quotes around. */
function abuseIpdbLine({ source, ports, at }: Scan): string {
  const date = new Date(at).toISOString()
  return `${source},${PORT_SCAN},${date},"flypaperd: tried closed TCP ports ${ports.join(', ')}"`
}

/** Separated by tabs: date, number of the user (nobody's), count, source, its port, target, its port, protocol, flags. */
function dshieldLines({ source, ports, at }: Scan): string[] {
  const date = new Date(at).toISOString().replace(/^(.*)T(.*)\.\d+Z$/, '$1 $2 +00:00')
  return ports.map(port => [date, 0, 1, source, UNKNOWN, NO_TARGET, port, 'TCP', UNKNOWN].join('\t'))
}

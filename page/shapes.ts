/** What the daemon answers, as far as the page reads it, and how it is shown. Pure. */
import type {
  ListAnswer,
  LockoutFacts,
  ReportAnswer,
  WhyAnswer,
} from '../src/surface/control/past-protocol.ts'
import type { Freed, LockAnswer } from '../src/surface/control/protocol.ts'
import type { DaemonStatus } from '../src/surface/control/status-protocol.ts'
import { escapeText } from '../src/terms/escape.ts'
import { T } from './texts.ts'

export type { DaemonStatus, Freed, ListAnswer, LockAnswer, ReportAnswer, WhyAnswer }
/** A row of the list; an event has no `id`. */
export type Fly = Omit<LockoutFacts, 'id'>
export interface Line {
  readonly label: string
  readonly ok: boolean
  readonly reason?: string
}

/** Words of strangers, and of who wrote a note: what would change how the rest reads is shown by its number. */
export const plain = escapeText

type Tried = NonNullable<Fly['tried']>

/** `TCP 22`, `ICMP 8`. */
export function triedText({ kind, port, type, number }: Tried): string {
  return `${kind === 'protocol' ? 'IP' : kind.toUpperCase()} ${port ?? type ?? number ?? ''}`.trim()
}

/** All ports of a lockout for several, or what it tried. */
export function whatTried({ tried, ports = [] }: Fly): string {
  if (ports.length > 1) return ports.map(port => port.replace('/', ' ').toUpperCase()).join(', ')
  return tried === undefined ? T.byHand : triedText(tried)
}

export function endOf({ until }: Pick<Fly, 'until'>): number {
  return until === 'forever' ? Number.POSITIVE_INFINITY : Date.parse(until)
}

/** What an IPv4 address or prefix is a number of: its /16. Undefined for IPv6. */
export function net16(source: string): number | undefined {
  const [, a, b] = /^(\d{1,3})\.(\d{1,3})\.\d/.exec(source) ?? []
  return a === undefined || b === undefined ? undefined : Number(a) * 256 + Number(b)
}

/** Where a point of a Hilbert curve over 256 × 256 lies. */
export function hilbert(index: number): readonly [x: number, y: number] {
  let [x, y, rest] = [0, 0, index]
  for (let size = 1; size < 256; size *= 2) {
    const right = 1 & (rest >> 1)
    const up = 1 & (rest ^ right)
    if (up === 0) {
      if (right === 1) [x, y] = [size - 1 - x, size - 1 - y]
      ;[x, y] = [y, x]
    }
    x += size * right
    y += size * up
    rest >>= 2
  }
  return [x, y]
}

/**
 * A Packet earns a Verdict. The judges stand in order, and the first that has an opinion decides; the last one
 * always has. The kernel has graded the packet before: what gets here was accepted by nobody.
 */

import { isFromService } from '../arm/ruleset/matches.ts'
import type { Packet, Tried } from '../decode/packet.ts'
import type { EvidenceTable } from '../settings/settings.ts'
import { type Prefix, parsePrefix } from '../terms/address.ts'
import { type AddressKey, addressKey } from '../terms/address-bytes.ts'
import type { Channel } from '../terms/channel.ts'
import { parseDuration } from '../terms/duration.ts'
import type { Fly } from '../terms/fly.ts'
import { isKeyIn, type PrefixSet } from '../terms/prefix-set.ts'
import {
  type Class,
  type EvidenceMemory,
  HIDDEN,
  type Kind,
  onceEach,
  type Piece,
  sumOf,
  whatOf,
} from './evidence.ts'
import { type Guilt, type Innocence, letGo, type Verdict } from './verdict.ts'

export interface Evidence {
  readonly packet: Packet
  /** Whom the packet counts against. */
  readonly fly: Fly
  readonly channel: Channel
  /** Whether somebody listens there now, of whom the kernel's rules did not know. */
  readonly isServed: () => boolean
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** What the policy says of sources. */
export interface Judging {
  /** The never-list of the settings. */
  readonly never: PrefixSet
  /** Own addresses, gateways and resolvers. */
  readonly near: readonly Prefix[]
  /** Who is held, and never locked out. */
  readonly holdOnly: readonly Prefix[]
  readonly evidence: EvidenceTable
}

export function judge(evidence: Evidence, judging: Judging, memory: EvidenceMemory): Verdict {
  const source = addressKey(evidence.packet.source)
  return (
    noHost(source) ??
    neverList(source, judging) ??
    near(source, judging) ??
    served(evidence) ??
    heldOnly(source, bySum(evidence, judging, memory), judging)
  )
}

/** Sources that are nobody's address: locked out, they would break this machine (RFC 6890, RFC 4291). */
export const NO_HOSTS = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(
  text => parsePrefix(text)!,
)
/** IPv6 hosts are here: global unicast, unique local, and IPv4 behind NAT64. */
export const HOSTS6 = ['2000::/3', 'fc00::/7', '64:ff9b::/96'].map(text => parsePrefix(text)!)

function noHost(source: AddressKey): Verdict | undefined {
  const isHost = typeof source === 'number' ? !isKeyIn(source, NO_HOSTS) : isKeyIn(source, HOSTS6)
  return isHost ? undefined : letGo('no-host')
}

function neverList(source: AddressKey, { never }: Judging): Verdict | undefined {
  return never.has(source) ? letGo('never-list') : undefined
}

function near(source: AddressKey, { near }: Judging): Verdict | undefined {
  return isKeyIn(source, near) ? letGo('near') : undefined
}

function served({ isServed }: Evidence): Verdict | undefined {
  return isServed() ? letGo('served') : undefined
}

/** Many share that address: the hold that the kernel has begun is all. */
function heldOnly(source: AddressKey, verdict: Verdict, { holdOnly }: Judging): Verdict {
  if (verdict.verdict !== 'stick' || !isKeyIn(source, holdOnly)) return verdict
  return { verdict: 'strike', because: 'shared', evidence: verdict.evidence }
}

/** One packet can be forged, or late: what it weighs, the table of evidence says, and the sum decides. */
function bySum(
  { packet: { tried }, fly, channel, now }: Evidence,
  { evidence: table }: Judging,
  memory: EvidenceMemory,
): Verdict {
  const of = classOf(channel)
  const { window, fade: usual, longest, ...weights } = table[of]
  const fade = usual < UNASKED_FADE && isUnasked(tried) ? UNASKED_FADE : usual
  const guilt = guiltOf(tried)
  const weight = weights[kindOf(channel, guilt)]
  if (weight === 0) return below(channel, [])
  const piece = { what: whatOf(tried), weight }
  const counts = guilt === 'hidden-header' ? { what: HIDDEN, weight } : piece
  const stick = (because: Guilt, evidence: readonly Piece[]): Verdict => {
    const grade = of === 'stranger' ? 'forgeable' : 'forgeable-known'
    return { verdict: 'stick', because, grade, evidence, longest }
  }
  if (weight >= table.threshold) return stick(guilt, onceEach([...memory.take(fly, now), piece]))
  const evidence = memory.add(fly, of, counts, { window, fade }, now)
  if (sumOf(evidence) < table.threshold) return below(channel, evidence)
  memory.forget([fly])
  return stick('distinct-ports', evidence)
}

function below(channel: Channel, evidence: readonly Piece[]): Verdict {
  const because = BELOW[channel]
  return because === 'strike'
    ? { verdict: 'strike', because, evidence }
    : { verdict: 'let-go', because, evidence }
}

/** Why a source does not stick that has not done enough. */
const BELOW: Readonly<Record<Channel, Innocence & ('strike' | 'peer' | 'known' | 'late' | 'refused')>> = {
  offence: 'strike',
  peer: 'peer',
  known: 'known',
  late: 'late',
  'known-late': 'late',
  refused: 'refused',
}

/** Who is which class. Whoever was refused by others is of one of the last two; the shorter memory is the safer one. */
function classOf(channel: Channel): Class {
  switch (channel) {
    case 'offence':
    case 'late':
      return 'stranger'
    case 'known':
    case 'known-late':
      return 'known'
    case 'peer':
    case 'refused':
      return 'peer'
  }
}

/** Unasked answers count half for so long at least, whoever sends them: nobody who mistypes a port sends from 53. */
const UNASKED_FADE = parseDuration('1d')!

/** As the answer of a service. What was asked, the kernel does not tell. */
function isUnasked(tried: Tried): boolean {
  return tried.kind === 'udp' && tried.from !== undefined && isFromService(tried.from, tried.port)
}

const ILLEGAL: ReadonlySet<Guilt> = new Set(['illegal-flags', 'icmp-question', 'hidden-header'])

/** Which port is which: the kernel has told what is excusable. */
function kindOf(channel: Channel, guilt: Guilt): Kind {
  if (channel === 'late' || channel === 'known-late') return 'excusable'
  return ILLEGAL.has(guilt) ? 'illegal' : 'closed'
}

const FIN = 0x01
const SYN = 0x02
const RST = 0x04
const ECHO_REQUEST = { icmp: 8, icmpv6: 128 }

function guiltOf(tried: Tried): Guilt {
  switch (tried.kind) {
    case 'tcp':
      return (tried.flags & SYN) === 0 || (tried.flags & (FIN | RST)) !== 0 ? 'illegal-flags' : 'closed-port'
    case 'udp':
    case 'sctp':
      return 'closed-port'
    case 'icmp':
    case 'icmpv6':
      return tried.type === ECHO_REQUEST[tried.kind] ? 'ping' : 'icmp-question'
    case 'protocol':
      return tried.hidden ? 'hidden-header' : 'unknown-protocol'
  }
}

/**
 * A Packet earns a Verdict. The judges stand in order, and the first that has an opinion decides; the last one
 * always has. The kernel has graded the packet before: what gets here was accepted by nobody.
 */

import type { Packet } from '../decode/packet.ts'
import { type Prefix, parsePrefix } from '../terms/address.ts'
import { type AddressKey, addressKey } from '../terms/address-bytes.ts'
import type { Channel } from '../terms/channel.ts'
import type { Fly } from '../terms/fly.ts'
import { isKeyIn } from '../terms/prefix-set.ts'
import { type DistinctPorts, distinctPorts } from './distinct-ports.ts'
import { type Allowance, openStrikes, type Strikes } from './strikes.ts'
import { type Guilt, letGo, stick, type Verdict } from './verdict.ts'

export interface Evidence {
  readonly packet: Packet
  /** Whom the packet counts against. */
  readonly fly: Fly
  readonly channel: Channel
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** What the policy says of sources. */
export interface Judging {
  /** The never-list of the settings. */
  readonly never: readonly Prefix[]
  /** Own addresses, gateways and resolvers. */
  readonly near: readonly Prefix[]
  readonly strikes: Allowance
}

/** What is remembered of sources that are not judged by one packet. */
export interface JudgeMemory {
  /** By the way in which weak evidence came. */
  readonly scans: Readonly<Record<Exclude<Channel, 'offence'>, DistinctPorts>>
  readonly strikes: Strikes
  /** Forgets what counts against these; they were freed. */
  forget(sources: readonly Fly[]): void
  forgetAll(): void
}

/** Real hosts may meet several closed ports in the long run; late packets come in a short one. */
const SCAN_WINDOW_MS = 10 * 60_000
const LATE_WINDOW_MS = 60_000

export function openMemory(): JudgeMemory {
  const slow = distinctPorts(SCAN_WINDOW_MS)
  const late = distinctPorts(LATE_WINDOW_MS)
  const strikes = openStrikes()
  const all = [slow, late, strikes]
  return {
    scans: { peer: slow, known: slow, refused: slow, late },
    strikes,
    forget(sources) {
      for (const source of sources) for (const memory of all) memory.forget(source)
    },
    forgetAll() {
      for (const memory of all) memory.forgetAll()
    },
  }
}

export function judge(evidence: Evidence, judging: Judging, memory: JudgeMemory): Verdict {
  const source = addressKey(evidence.packet.source)
  return (
    noHost(source) ??
    neverList(source, judging) ??
    near(source, judging) ??
    weakEvidence(evidence, memory) ??
    strike(evidence, judging, memory) ??
    stick(guiltOf(evidence))
  )
}

/** Sources that are nobody's address: locked out, they would break this machine (RFC 6890, RFC 4291). */
export const NO_HOSTS = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(
  text => parsePrefix(text)!,
)
/** IPv6 hosts are here: global unicast, unique local, and IPv4 behind NAT64. */
const HOSTS6 = ['2000::/3', 'fc00::/7', '64:ff9b::/96'].map(text => parsePrefix(text)!)

function noHost(source: AddressKey): Verdict | undefined {
  const isHost = typeof source === 'number' ? !isKeyIn(source, NO_HOSTS) : isKeyIn(source, HOSTS6)
  return isHost ? undefined : letGo('no-host')
}

function neverList(source: AddressKey, { never }: Judging): Verdict | undefined {
  return isKeyIn(source, never) ? letGo('never-list') : undefined
}

function near(source: AddressKey, { near }: Judging): Verdict | undefined {
  return isKeyIn(source, near) ? letGo('near') : undefined
}

/** One packet can be forged, or late; three different closed ports are a scan. A known client is where it says it is. */
function weakEvidence({ packet, fly, channel, now }: Evidence, memory: JudgeMemory): Verdict | undefined {
  if (channel === 'offence') return undefined
  if (!memory.scans[channel].isScan(fly, packet.tried, now)) return letGo(channel)
  return stick('distinct-ports', { forgeable: channel !== 'known' })
}

function strike({ fly, now }: Evidence, { strikes }: Judging, memory: JudgeMemory): Verdict | undefined {
  return memory.strikes.isLast(fly, strikes, now) ? undefined : { verdict: 'strike', because: 'strike' }
}

const FIN = 0x01
const SYN = 0x02
const RST = 0x04
const ECHO_REQUEST = { icmp: 8, icmpv6: 128 }

function guiltOf({ packet: { tried } }: Evidence): Guilt {
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
      return 'unknown-protocol'
  }
}

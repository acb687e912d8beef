/**
 * A Packet earns a Verdict. The judges stand in order, and the first that has an opinion decides; the last one
 * always has. The kernel has graded the packet before: what gets here was accepted by nobody.
 */
import type { Channel } from '../capture/capture.ts'
import type { Packet } from '../decode/packet.ts'
import { familyOf, isIn, type Prefix, parsePrefix } from '../terms/address.ts'
import type { DistinctPorts } from './distinct-ports.ts'
import { letGo, stick, type Verdict } from './verdict.ts'

export interface Evidence {
  readonly packet: Packet
  readonly channel: Channel
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface JudgeMemory {
  /** The never-list of the settings. */
  readonly never: readonly Prefix[]
  /** Own addresses, gateways and resolvers. */
  readonly near: () => readonly Prefix[]
  readonly distinctPorts: DistinctPorts
}

type Judge = (evidence: Evidence, memory: JudgeMemory) => Verdict | undefined

const JUDGES: readonly Judge[] = [noHost, neverList, near, weakEvidence]

export function judge(evidence: Evidence, memory: JudgeMemory): Verdict {
  for (const opinion of JUDGES) {
    const verdict = opinion(evidence, memory)
    if (verdict !== undefined) return verdict
  }
  return offence(evidence)
}

/** Sources that are nobody's address: locked out, they would break this machine (RFC 6890, RFC 4291). */
export const NO_HOSTS = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(
  text => parsePrefix(text)!,
)
/** IPv6 hosts are here: global unicast, unique local, and IPv4 behind NAT64. */
const HOSTS6 = ['2000::/3', 'fc00::/7', '64:ff9b::/96'].map(text => parsePrefix(text)!)

function noHost({ packet: { source } }: Evidence): Verdict | undefined {
  const isHost = familyOf(source) === 6 ? isIn(source, HOSTS6) : !isIn(source, NO_HOSTS)
  return isHost ? undefined : letGo('no-host')
}

function neverList({ packet }: Evidence, memory: JudgeMemory): Verdict | undefined {
  return isIn(packet.source, memory.never) ? letGo('never-list') : undefined
}

function near({ packet }: Evidence, memory: JudgeMemory): Verdict | undefined {
  return isIn(packet.source, memory.near()) ? letGo('near') : undefined
}

/** One packet can be forged; three different closed ports are a scan. */
function weakEvidence({ packet, channel, now }: Evidence, memory: JudgeMemory): Verdict | undefined {
  if (channel !== 'weak') return undefined
  return memory.distinctPorts.isScan(packet.source, packet.tried, now)
    ? stick('distinct-ports')
    : letGo('weak-evidence')
}

function offence({ packet: { tried } }: Evidence): Verdict {
  switch (tried.kind) {
    case 'tcp':
    case 'udp':
    case 'sctp':
      return stick('closed-port')
    case 'icmp':
    case 'icmpv6':
      return stick('icmp-question')
    case 'protocol':
      return stick('unknown-protocol')
  }
}

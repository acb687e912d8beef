/** The connections of this network namespace that both sides have taken part in, as conntrack tells them (linux/netfilter/nfnetlink_conntrack.h). */
import { dumpLater, eachAttribute, type Question } from './dump.ts'

export interface Flow {
  /** IANA number. */
  readonly protocol: number
  /** Whom it was opened to, after any translation: 4 or 16 bytes; a view that is only valid until the callback returns. */
  readonly opened: Uint8Array
  /** Who opened it, before any translation; likewise. */
  readonly opener: Uint8Array
  /** By which ports its answers come: theirs, and ours after any translation; 0 where the protocol has none. */
  readonly from: number
  readonly to: number
  /** More than a question and an answer; of protocols that conntrack does not know more of, never. */
  readonly isAssured: boolean
}

const NETLINK_NETFILTER = 12
/** NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_GET. */
const CT_GET = (1 << 8) | 1
/** struct nfgenmsg: family (0: both), version, resource. */
const NFGENMSG = 4
const CTA = { tupleOrig: 1, tupleReply: 2, status: 3 }
const TUPLE = { ip: 1, protocol: 2 }
/** CTA_IP_V4_SRC and CTA_IP_V6_SRC. */
const SOURCES = [1, 3]
/** CTA_PROTO_NUM, CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT. */
const PROTOCOL = { number: 1, from: 2, to: 3 }
/** IPS_SEEN_REPLY and IPS_ASSURED of linux/netfilter/nf_conntrack_common.h. */
const STATUS = { seenReply: 2, assured: 4 }

/**
 * Shows them piece by piece, between which everybody has their turn; `visit` returns false to leave off. The kernel leaves out what nobody has
 * answered; one before 5.8 does not, and it is left out here. Throws NetlinkError.
 */
export async function visitFlowsLater(visit: (flow: Flow) => boolean): Promise<void> {
  await dumpLater(QUESTION, (view, at, end) => {
    const flow = read(view, at + NFGENMSG, end)
    return flow === undefined || visit(flow)
  })
}

const QUESTION: Question = {
  protocol: NETLINK_NETFILTER,
  type: CT_GET,
  body: Uint8Array.from([...[0, 0, 0, 0], ...hostOrder(8, CTA.status), ...[0, 0, 0, STATUS.seenReply]]),
}

function hostOrder(...words: number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(words).buffer)
}

function read(view: DataView, from: number, to: number): Flow | undefined {
  let status = 0
  let opened: Uint8Array | undefined
  let opener: Uint8Array | undefined
  let protocol = 0
  const ports = { from: 0, to: 0 }
  eachAttribute(view, from, to, (type, at, size) => {
    if (type === CTA.status && size === 4) status = view.getUint32(at)
    if (type !== CTA.tupleReply && type !== CTA.tupleOrig) return
    eachAttribute(view, at, at + size, (part, inner, length) => {
      eachAttribute(view, inner, inner + length, (what, value, bytes) => {
        if (part === TUPLE.ip && SOURCES.includes(what) && (bytes === 4 || bytes === 16)) {
          const source = new Uint8Array(view.buffer, view.byteOffset + value, bytes)
          if (type === CTA.tupleReply) opened = source
          else opener = source
        }
        if (part !== TUPLE.protocol || type !== CTA.tupleReply) return
        if (what === PROTOCOL.number && bytes === 1) protocol = view.getUint8(value)
        if (what === PROTOCOL.from && bytes === 2) ports.from = view.getUint16(value)
        if (what === PROTOCOL.to && bytes === 2) ports.to = view.getUint16(value)
      })
    })
  })
  if (opened === undefined || opener === undefined || (status & STATUS.seenReply) === 0) return undefined
  return { protocol, opened, opener, ...ports, isAssured: (status & STATUS.assured) !== 0 }
}

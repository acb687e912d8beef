/** What a captured packet says of itself, as far as judging needs it. */
import type { Address } from '../terms/address.ts'

/** What was tried. `port` is the destination port, `from` the source port where it is known. */
export type Tried =
  /** `flags` is the whole byte of RFC 9293 section 3.1, ECE and CWR included. */
  | { readonly kind: 'tcp'; readonly port: number; readonly from?: number; readonly flags: number }
  | { readonly kind: 'udp'; readonly port: number; readonly from?: number }
  | { readonly kind: 'sctp'; readonly port: number; readonly from?: number }
  | { readonly kind: 'icmp'; readonly type: number; readonly code: number }
  | { readonly kind: 'icmpv6'; readonly type: number; readonly code: number }
  /** `hidden`: the header of this protocol could not be read to its end, so what was tried is not known. */
  | { readonly kind: 'protocol'; readonly number: number; readonly hidden?: true }

export interface Packet {
  readonly source: Address
  readonly destination: Address
  readonly tried: Tried
}

/** Bytes that tell no source, or nothing of what it tried, since that is in another fragment: counted by reason, never an offence, never an exception. */
export interface Unreadable {
  readonly unreadable: 'empty' | 'version' | 'ip-header' | 'fragment'
}

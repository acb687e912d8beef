/** What a captured packet says of itself, as far as judging needs it. */
import type { Address } from '../terms/address.ts'

/** What was tried. `port` is the destination port, `from` the source port where it is known; `unreadable` says which header the bytes ended in. */
export type Tried =
  /** `flags` is the whole byte of RFC 9293 section 3.1, ECE and CWR included. */
  | { readonly kind: 'tcp'; readonly port: number; readonly from?: number; readonly flags: number }
  | { readonly kind: 'udp'; readonly port: number; readonly from?: number }
  | { readonly kind: 'sctp'; readonly port: number; readonly from?: number }
  | { readonly kind: 'icmp'; readonly type: number; readonly code: number }
  | { readonly kind: 'icmpv6'; readonly type: number; readonly code: number }
  | { readonly kind: 'protocol'; readonly number: number }

export interface Packet {
  readonly source: Address
  readonly destination: Address
  readonly tried: Tried
}

/** Bytes that are no readable packet: counted by reason, never an offence, never an exception. */
export interface Unreadable {
  readonly unreadable:
    | 'empty'
    | 'version'
    | 'ip-header'
    | 'extension-header'
    | 'fragment'
    | 'transport-header'
}

/** The judging chains: which packets are an offence, and what the kernel does at once. */
import { because, type ChainSpec, NET64, type Statement } from './spec.ts'

const ONE_BY_ONE = 'ip6 saddr @flypaper_single6'
const BY_NET64 = 'ip6 saddr != @flypaper_single6'

/** UDP that is no scan: DHCP, NetBIOS, DHCPv6, SSDP, mDNS, LLMNR; traceroute, tracepath and mtr. */
const UDP_NOISE = '67, 68, 137, 138, 546, 547, 1900, 5353, 5355, 33000-33999, 44444-44700'
/** Late answers come from DNS, NTP, QUIC, STUN and their like, to one of our high ports. */
const UDP_ANSWERS = '53, 123, 443, 500, 853, 3478, 4500, 5353'
/**
 * Protocols whose peers lose state without being scanners (IANA protocol numbers): ICMP, IGMP, IPIP 4, hop-by-hop 0, IPv6 41,
 * GRE 47, ESP 50, AH 51, ICMPv6, no next header 59, EIGRP 88, OSPF 89, encapsulation 94 and 98, PIM 103, VRRP 112,
 * L2TPv3 115, SCTP 132, UDP-Lite 136, MPLS 137, HIP 139.
 */
const PEER_PROTOCOLS = '0, 1, 2, 4, 41, 47, 50, 51, 58, 59, 88, 89, 94, 98, 103, 112, 115, 132, 136, 137, 139'

export function judge(number: number, statement: Statement): readonly ChainSpec[] {
  return [grading, offence(handOver(number, statement)), weak(handOver(number + 1, statement))]
}

const grading: ChainSpec = {
  name: 'flypaper_judge',
  why: 'Is it an offence? What is none goes back to where it came from.',
  paragraphs: [
    because(
      'TCP: flags that nothing legal carries, to open ports too.',
      'tcp flags & (fin | syn) == fin | syn goto flypaper_offence',
      'tcp flags & (syn | rst) == syn | rst goto flypaper_offence',
    ),
    because(
      'Late packets and backscatter (ACK, RST, SYN+ACK) prove nothing against their sender.',
      'tcp flags & (ack | rst) != 0 return',
    ),
    because(
      'A SYN that arrived damaged is no offence.',
      'tcp flags & (fin | syn | rst | ack) == syn ct state invalid return',
    ),
    because(
      'What is left of TCP wanted a closed port: SYN, FIN, NULL, XMAS.',
      'meta l4proto tcp goto flypaper_offence',
    ),
    because(
      'UDP: the noise of the neighbourhood, traceroute, and late answers of services that we may have asked.',
      `udp dport { ${UDP_NOISE} } return`,
      `udp sport { ${UDP_ANSWERS} } udp dport 1024-65535 return`,
    ),
    because('Any other UDP wanted a closed port.', 'meta l4proto udp goto flypaper_offence'),
    because(
      'ICMP questions that only scanners ask. Echo requests are harmless, and ICMP errors are never an offence.',
      'icmp type { timestamp-request, info-request, address-mask-request } goto flypaper_offence',
    ),
    because(
      'Protocols whose peers speak unasked after a restart.',
      `meta l4proto { ${PEER_PROTOCOLS} } return`,
    ),
    because('Any other protocol is a protocol scan.', 'goto flypaper_offence'),
  ],
}

function offence(handOver: string): ChainSpec {
  return {
    name: 'flypaper_offence',
    why: 'An offence. Its source is shut out in this same packet; what it means is for the daemon to judge.',
    paragraphs: [
      because(
        'A host that we talk to ourselves is not held for one packet, since that can be forged.',
        'ip saddr @flypaper_peers goto flypaper_weak',
        `${ONE_BY_ONE} ip6 saddr @flypaper_peers6 goto flypaper_weak`,
        `${BY_NET64} ip6 saddr ${NET64} @flypaper_peers6 goto flypaper_weak`,
      ),
      because(
        'Hold. When the set is full these rules break off, and the packet goes on to the next: it is dropped all the same.',
        'add @flypaper_hold { ip saddr }',
        `${ONE_BY_ONE} add @flypaper_hold6 { ip6 saddr }`,
        `${BY_NET64} add @flypaper_hold6 { ip6 saddr ${NET64} }`,
      ),
      because('Tell the daemon.', handOver),
      because('And no answer, in a rule of its own.', 'counter drop'),
    ],
  }
}

function weak(handOver: string): ChainSpec {
  return {
    name: 'flypaper_weak',
    why: 'Evidence too weak for a hold: the daemon counts different closed ports.',
    paragraphs: [
      because('Tell the daemon.', handOver),
      because('And no answer, in a rule of its own.', 'counter drop'),
    ],
  }
}

function handOver(number: number, statement: Statement): string {
  return statement === 'queue' ? `queue num ${number}` : `log group ${number}`
}

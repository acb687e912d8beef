/** Types of the keys of sets, as nft calls them, by their numbers: enum datatypes of nftables' include/datatype.h. The kernel only keeps them. */
export const SET_TYPES: readonly (string | undefined)[] = [
  ...[undefined, 'verdict', 'nf_proto', 'bitmask', 'integer', 'string', 'll_addr', 'ipv4_addr', 'ipv6_addr'],
  ...['ether_addr', 'ether_type', 'arp_op', 'inet_proto', 'inet_service', 'icmp_type', 'tcp_flag'],
  ...[
    'dccp_pkttype',
    'mh_type',
    'time',
    'mark',
    'iface_index',
    'iface_type',
    'realm',
    'classid',
    'uid',
    'gid',
  ],
  ...['ct_state', 'ct_dir', 'ct_status', 'icmpv6_type', 'ct_label', 'pkt_type', 'icmp_code', 'icmpv6_code'],
  ...['icmpx_code', 'devgroup', 'dscp', 'ecn', 'fib_addrtype', 'boolean', 'ct_event', 'ifname', 'igmp_type'],
  ...['date', 'hour', 'day', 'cgroupsv2'],
]

/** Those of the parts of a key: put together they have six bits each. A type that nft has not named yet is told as its number. */
export function typesOf(type: number): readonly string[] {
  const parts: string[] = []
  for (let rest = type >>> 0; rest > 0; rest >>>= 6)
    parts.unshift(SET_TYPES[rest & 0x3f] ?? `type ${rest & 0x3f}`)
  return parts
}

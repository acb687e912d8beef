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

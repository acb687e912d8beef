/** The table [shared]: where many live behind one prefix, or one address. */
import { list } from './bridge.ts'
import * as kinds from './kinds.ts'
import { prefix, prefix6 } from './never.ts'

export const sharedSettings = {
  single: list(
    prefix6,
    kinds.list('IPv6 prefixes', '2001:db8:64::/96'),
    'IPv6 networks whose hosts stick one by one, and not with their /64: where many strangers share one, as behind a NAT64 or SIIT-DC of your own, whose prefix has the whole of IPv4 in it. The well-known 64:ff9b::/96 and the networks on links of this machine are always so. `flypaperd doctor` names the prefix that DNS64 uses.',
  ),
  hold_only: list(
    prefix,
    kinds.list('addresses and prefixes', '198.51.100.0/24'),
    'Sources that are held after an offence, for as long as `hold` says, and never locked out but by a person: addresses that many people share (the exits of a CGNAT, of a VPN, of an office). A scanner among them finds one port more each time.',
  ),
}

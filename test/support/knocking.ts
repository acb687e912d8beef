/** Port knocking by an administrator's rules, and somebody who knocks. */
import { send } from './sender.ts'
import type { Host } from './world.ts'

/** Knock 7000, 8000, 9000, then ssh. */
export const KNOCKING = `table inet filter {
	set knock1 { type ipv4_addr; flags dynamic, timeout; timeout 10s; size 1024; }
	set knock2 { type ipv4_addr; flags dynamic, timeout; timeout 10s; size 1024; }
	set let_in { type ipv4_addr; flags dynamic, timeout; timeout 1m; size 1024; }
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		meta l4proto { icmp, icmpv6 } accept
		tcp dport 7000 add @knock1 { ip saddr } drop
		tcp dport 8000 ip saddr @knock1 add @knock2 { ip saddr } drop
		tcp dport 9000 ip saddr @knock2 add @let_in { ip saddr } drop
		tcp dport 22 ip saddr @let_in accept
		tcp dport 80 accept
	}
}`

/** The same by iptables' match recent, as it stands in many how-tos. */
export const KNOCKING_BY_RECENT = [
  '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
  '-A INPUT -p tcp --dport 7000 -m recent --name one --set -j DROP',
  '-A INPUT -p tcp --dport 8000 -m recent --name one --rcheck --seconds 10 -m recent --name two --set -j DROP',
  '-A INPUT -p tcp --dport 9000 -m recent --name two --rcheck --seconds 10 -m recent --name in --set -j DROP',
  '-A INPUT -p tcp --dport 22 -m recent --name in --rcheck --seconds 60 -j ACCEPT',
  '-P INPUT DROP',
]

/** As the wiki of nftables has it: one set for all steps, and knocks that go on to nobody. */
export const KNOCKING_OF_THE_WIKI = `table inet portknock {
	set clients_ipv4 { type ipv4_addr; flags timeout; }
	set candidates_ipv4 { type ipv4_addr . inet_service; flags timeout; }
	chain input {
		type filter hook input priority -10; policy accept;
		iifname "lo" return
		tcp dport 7000 add @candidates_ipv4 { ip saddr . 8000 timeout 10s }
		tcp dport 8000 ip saddr . tcp dport @candidates_ipv4 add @candidates_ipv4 { ip saddr . 9000 timeout 10s }
		tcp dport 9000 ip saddr . tcp dport @candidates_ipv4 add @clients_ipv4 { ip saddr timeout 10s } log prefix "knocked: "
		tcp dport 22 ip saddr @clients_ipv4 counter accept
		tcp dport 22 ct state established,related counter accept
		tcp dport 22 counter reject with tcp reset
	}
}`

/** One SYN to each of these TCP-ports in turn; what each of them was answered. */
export async function knocks(sender: Host, source: string, ports: readonly number[]): Promise<string[]> {
  const bursts = ports.map(tcp => [{ source, destination: '192.0.2.1', tcp }])
  const { answers } = await send(sender, { bursts, pause: 20_000 })
  return ports.map(port => {
    const answer = answers.find(({ detail }) => detail === port)
    return answer?.kind ?? 'nothing'
  })
}

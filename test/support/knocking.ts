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
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 7000 add @knock1 { ip saddr } drop
		tcp dport 8000 ip saddr @knock1 add @knock2 { ip saddr } drop
		tcp dport 9000 ip saddr @knock2 add @let_in { ip saddr } drop
		tcp dport 22 ip saddr @let_in accept
		tcp dport 80 accept
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

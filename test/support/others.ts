/** Firewalls of others, each with the same sense: the open ports are accepted, whatever else comes is refused. */
import type { Host } from './world.ts'

export interface Other {
  readonly name: string
  /** Whether it refuses with an answer. */
  readonly answers: boolean
  load(host: Host, open: readonly number[]): Promise<void>
}

const nft = (end: string, policy: 'accept' | 'drop') => (host: Host, open: readonly number[]) =>
  host.nft(`table inet theirs {
    chain input {
      type filter hook input priority filter; policy ${policy};
      ct state established,related accept
      iif "lo" accept
      meta l4proto icmpv6 accept
      tcp dport { ${open.join(', ')} } accept
      ${end}
    }
  }`)

const iptables =
  (kind: 'nft' | 'legacy', end: readonly string[]) => async (host: Host, open: readonly number[]) => {
    for (const [program, icmp] of [
      [`iptables-${kind}`, 'icmp'],
      [`ip6tables-${kind}`, 'icmpv6'],
    ] as const) {
      const append = (...rule: string[]) => host.must([program, '-w', '-A', 'INPUT', ...rule])
      await append('-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT')
      await append('-p', icmp, '-j', 'ACCEPT')
      for (const port of open) await append('-p', 'tcp', '--dport', String(port), '-j', 'ACCEPT')
      await append(...end)
    }
  }

export const OTHERS: readonly Other[] = [
  { name: 'nftables, policy drop', answers: false, load: nft('', 'drop') },
  {
    name: 'nftables, reject with tcp reset',
    answers: true,
    load: nft('meta l4proto tcp reject with tcp reset', 'accept'),
  },
  { name: 'nftables, reject with ICMP', answers: true, load: nft('reject', 'accept') },
  { name: 'iptables-nft, DROP', answers: false, load: iptables('nft', ['-j', 'DROP']) },
  { name: 'iptables-legacy, REJECT', answers: true, load: iptables('legacy', ['-j', 'REJECT']) },
]

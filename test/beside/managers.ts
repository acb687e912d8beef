/**
 * The firewall managers: how each is loaded, reloaded and ended, as an administrator would do it. All of them allow the same
 * (TCP 22, 80, 43974, UDP 443, pings) and refuse the rest, unless told.
 */
import type { House } from './house.ts'

export type Closed = 'listening' | 'unmatched' | 'unaccepted'

export interface Manager {
  load(house: House): Promise<void>
  reload(house: House): Promise<unknown>
  /** Leaves nothing of it on the machine that the end of the world does not take along. */
  end?(house: House): Promise<unknown>
  /** Reloading takes the trap away: it is armed again, and the log says so. Else nothing is said. */
  readonly takesTrapAway: boolean
  /** What doctor recommends, and closed = "auto" takes. */
  readonly recommended: Closed
  /** The chains of table inet filter that can jump to the trap, as the settings name them: for closed = "unmatched". */
  readonly chains?: string
  /** Whether it refuses what nobody has allowed. */
  readonly refuses: boolean
  /** It forwards: a port of the gate leads to a service behind it. By IPv6 as well? */
  readonly published?: { readonly six: boolean }
  /** A large set of the administrator's own, beside the trap's, whose members a rule of his refuses. */
  readonly blocked?: typeof BLOCKED
}

/** Led to a service behind the gate. */
export const PUBLISHED = 8080
/** Where the service behind a router is. */
export const BEHIND = '10.0.0.5'

const PORTS = [22, 80, 43974]

/** So many prefixes of eight addresses, with as many between them: a member, and one who is between. */
const BLOCKED = {
  set: 'blocked',
  size: 200_000,
  member: '100.64.0.1',
  neighbour: '100.64.0.9',
} as const

export function blockedPrefixes(): string[] {
  const first = 0x6440_0000
  return Array.from({ length: BLOCKED.size }, (_, i) => {
    const bits = first + i * 16
    return `${[24, 16, 8, 0].map(shift => (bits >>> shift) & 255).join('.')}/29`
  })
}

/** nftables by hand: the file that is loaded at boot, and whenever it was edited. */
function byHand(tables: () => string): Pick<Manager, 'load' | 'reload' | 'takesTrapAway'> {
  const reload = (house: House) => house.sh('nft -f /etc/nftables.conf')
  return {
    async load(house) {
      await house.sh('cat >/etc/nftables.conf', { input: `flush ruleset\n${tables()}` })
      await reload(house)
    },
    reload,
    takesTrapAway: true,
  }
}

const input = (policy: string, { first = '', last = '' } = {}) => `chain input {
    type filter hook input priority filter; policy ${policy};
    ct state established,related accept
    ${first}
    iif "lo" accept
    icmp type echo-request accept
    icmpv6 type != { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    tcp dport { ${PORTS.join(', ')} } accept
    udp dport 443 accept
    ${last}
  }`

/** The same for both families by one of the backends of iptables, and how it is saved and restored. */
function iptables(backend: 'nft' | 'legacy'): Pick<Manager, 'load' | 'reload' | 'takesTrapAway'> {
  const both = (then: string) => `for t in iptables-${backend} ip6tables-${backend}; do ${then}; done`
  const allow = [
    '-i lo',
    '-m conntrack --ctstate ESTABLISHED,RELATED',
    `-p tcp -m multiport --dports ${PORTS.join(',')}`,
    '-p udp --dport 443',
  ]
  return {
    async load(house) {
      await house.sh(
        both(['$t -P INPUT DROP', ...allow.map(rule => `$t -A INPUT ${rule} -j ACCEPT`)].join('; ')),
      )
      await house.sh(`iptables-${backend} -A INPUT -p icmp --icmp-type echo-request -j ACCEPT
        ip6tables-${backend} -A INPUT -p icmpv6 -j ACCEPT`)
      await house.sh(both('$t-save >/tmp/$t.rules'))
    },
    reload: house => house.sh(both('$t-restore </tmp/$t.rules')),
    takesTrapAway: false,
  }
}

const WITH_SET = () => `table inet filter {
  set ${BLOCKED.set} { type ipv4_addr; flags interval; elements = { ${blockedPrefixes().join(', ')} }; }
  ${input('accept', { first: `ip saddr @${BLOCKED.set} drop`, last: 'tcp dport 3306 drop' })}
}`

const ROUTER = () => `table inet filter {
  ${input('drop')}
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "to-behind" accept
    ct status dnat accept
  }
}
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "to-others" tcp dport ${PUBLISHED} dnat to ${BEHIND}:80
  }
  chain postrouting { type nat hook postrouting priority srcnat; oifname "to-others" masquerade; }
}`

/** It turns on forwarding by itself, and has then a policy of drop. Two at the same time have control groups of different names. */
export function docker(cgroup: string) {
  const begin = (house: House) =>
    house.serve(`dockerd --cgroup-parent=/${cgroup} --pidfile=/run/docker.pid`, /API listen on/)
  const end = 'kill $(cat /run/docker.pid); while [ -e /run/docker.pid ]; do sleep 0.1; done'
  return {
    async load(house) {
      await begin(house)
      await house.sh(`mkdir -p /tmp/image/bin /tmp/image/www
        cp /bin/busybox /tmp/image/bin/
        tar -C /tmp/image -c . | docker import - busybox
        docker run -d --restart=always -p ${PUBLISHED}:80 busybox /bin/busybox httpd -f -p 80 -h /www`)
    },
    async reload(house) {
      await house.sh(end)
      await begin(house)
    },
    end: house =>
      house.sh(`if [ -e /run/docker.pid ]; then docker ps -q | xargs -r docker rm -f; ${end}; fi
        find /sys/fs/cgroup -depth -type d -name ${cgroup} -exec rmdir {} +`),
    takesTrapAway: false,
    recommended: 'unaccepted',
    refuses: false,
    published: { six: true },
  } satisfies Manager
}

export const MANAGERS = {
  'nftables, policy drop': {
    ...byHand(() => `table inet filter {\n  ${input('drop')}\n}`),
    recommended: 'unaccepted',
    chains: '[chains]\ninput = ["input"]',
    refuses: true,
  },
  'nftables, policy accept': {
    ...byHand(WITH_SET),
    recommended: 'unaccepted',
    refuses: true,
    blocked: BLOCKED,
  },
  "Debian's stock nftables.conf": {
    // The file of the package, as it is.
    load: async house => void (await house.sh('nft -f /etc/nftables.conf')),
    reload: house => house.sh('nft -f /etc/nftables.conf'),
    takesTrapAway: true,
    recommended: 'listening',
    refuses: false,
  },
  'iptables-nft': { ...iptables('nft'), recommended: 'unaccepted', refuses: true },
  'iptables-legacy': { ...iptables('legacy'), recommended: 'listening', refuses: true },
  ufw: {
    async load(house) {
      await house.sh(`${[...PORTS.map(port => `${port}/tcp`), '443/udp'].map(it => `ufw allow ${it}`).join('\n')}
        ufw --force enable`)
    },
    reload: house => house.sh('ufw reload'),
    takesTrapAway: false,
    recommended: 'unaccepted',
    refuses: true,
  },
  firewalld: {
    async load(house) {
      await house.sh('dbus-daemon --system --fork')
      await house.serve('firewalld --nofork --nopid --debug=1', /Applying policy|start\(\)|Flushing/)
      const ports = [...PORTS.map(port => `${port}/tcp`), '443/udp'].map(it => `--add-port=${it}`)
      await house.sh(
        `firewall-cmd --state; firewall-cmd --permanent ${ports.join(' ')}; firewall-cmd --reload`,
      )
    },
    reload: house => house.sh('firewall-cmd --reload'),
    takesTrapAway: false,
    recommended: 'unaccepted',
    refuses: true,
  },
  'router with DNAT and masquerading': {
    ...byHand(ROUTER),
    async load(house) {
      await house.sh('echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding')
      await byHand(ROUTER).load(house)
    },
    recommended: 'unaccepted',
    chains: '[chains]\ninput = ["input"]\nforward = ["forward"]',
    refuses: true,
    published: { six: false },
  },
  Docker: docker('flypaperd-beside'),
} satisfies Record<string, Manager>

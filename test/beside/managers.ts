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
}

/** Led to a service behind the gate. */
export const PUBLISHED = 8080
/** Where the service behind a router is. */
export const BEHIND = '10.0.0.5'

const PORTS = [22, 80, 43974]

/** nftables by hand: the file that `nft -f` loads, as /etc/nftables.conf. */
function byHand(tables: string): Pick<Manager, 'load' | 'reload' | 'takesTrapAway'> {
  const load = (house: House) => house.sh('nft -f -', { input: `flush ruleset\n${tables}` })
  return { load: async house => void (await load(house)), reload: load, takesTrapAway: true }
}

const input = (policy: string, rules = '') => `chain input {
    type filter hook input priority filter; policy ${policy};
    ct state established,related accept
    iif "lo" accept
    icmp type echo-request accept
    icmpv6 type != { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    tcp dport { ${PORTS.join(', ')} } accept
    udp dport 443 accept
    ${rules}
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

const ROUTER = `table inet filter {
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

/** It turns on forwarding by itself, and has then a policy of drop. */
const DOCKERD = 'dockerd --cgroup-parent=/flypaperd-beside --pidfile=/run/docker.pid'
const ENDED = 'while [ -e /run/docker.pid ]; do sleep 0.1; done'

export const MANAGERS = {
  'nftables, policy drop': {
    ...byHand(`table inet filter {\n  ${input('drop')}\n}`),
    recommended: 'unaccepted',
    chains: '[chains]\ninput = ["input"]',
    refuses: true,
  },
  'nftables, policy accept': {
    ...byHand(`table inet filter {\n  ${input('accept', 'tcp dport 3306 drop')}\n}`),
    recommended: 'unaccepted',
    refuses: true,
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
  Docker: {
    async load(house) {
      await house.serve(DOCKERD, /API listen on/)
      await house.sh(`mkdir -p /tmp/image/bin /tmp/image/www
        cp /bin/busybox /tmp/image/bin/
        tar -C /tmp/image -c . | docker import - busybox
        docker run -d --restart=always -p ${PUBLISHED}:80 busybox /bin/busybox httpd -f -p 80 -h /www`)
    },
    async reload(house) {
      await house.sh(`kill $(cat /run/docker.pid); ${ENDED}`)
      await house.serve(DOCKERD, /API listen on/)
    },
    end: house =>
      house.sh(`docker rm -f $(docker ps -q); kill $(cat /run/docker.pid); ${ENDED}
        find /sys/fs/cgroup -depth -type d -name flypaperd-beside -exec rmdir {} +`),
    takesTrapAway: false,
    recommended: 'unaccepted',
    refuses: false,
    published: { six: true },
  },
} satisfies Record<string, Manager>

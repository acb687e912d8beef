/** The firewall managers that the doctor knows, as they are called in code and among people. */

export const MANAGERS = {
  nftables: 'nftables',
  'iptables-nft': 'iptables (nft backend)',
  'iptables-legacy': 'iptables (legacy backend)',
  ufw: 'ufw',
  firewalld: 'firewalld',
  docker: 'Docker',
  podman: 'Podman',
  libvirt: 'libvirt',
  kubernetes: 'Kubernetes',
  fail2ban: 'fail2ban',
  crowdsec: 'CrowdSec',
} as const
export type Manager = keyof typeof MANAGERS

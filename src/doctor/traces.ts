/** What firewall managers leave in files: that they run, or that they will at the next boot. */
import type { ReadText } from '../settings/sources.ts'
import type { Manager } from './manager.ts'
import type { InTable } from './ruleset.ts'

export interface Trace {
  readonly manager: Manager
  /** What was seen, for people. */
  readonly seen: string
}

const FILES: readonly (Trace & { readonly path: string; readonly holds: RegExp })[] = [
  {
    manager: 'ufw',
    path: '/etc/ufw/ufw.conf',
    holds: /^\s*ENABLED\s*=\s*"?yes/im,
    seen: 'enabled in /etc/ufw/ufw.conf',
  },
  { manager: 'firewalld', path: unit('firewalld'), holds: /\d/, seen: 'its service runs' },
  { manager: 'docker', path: unit('docker'), holds: /\d/, seen: 'its service runs' },
  { manager: 'docker', path: '/run/docker.pid', holds: /\d/, seen: 'there is /run/docker.pid' },
  { manager: 'fail2ban', path: unit('fail2ban'), holds: /\d/, seen: 'its service runs' },
  {
    manager: 'crowdsec',
    path: unit('crowdsec-firewall-bouncer'),
    holds: /\d/,
    seen: 'its bouncer runs',
  },
  {
    manager: 'nftables',
    path: '/etc/systemd/system/sysinit.target.wants/nftables.service',
    holds: /\S/,
    seen: 'nftables.service loads /etc/nftables.conf at boot',
  },
]

/** The processes of a unit: cgroups(7), version 2. */
function unit(name: string): string {
  return `/sys/fs/cgroup/system.slice/${name}.service/cgroup.procs`
}

/** The first trace of each manager. */
export function findTraces(readText: ReadText): readonly Trace[] {
  const found = new Map<Manager, Trace>()
  for (const { manager, seen, path, holds } of FILES) {
    const file = readText(path)
    if ('text' in file && holds.test(file.text) && !found.has(manager)) found.set(manager, { manager, seen })
  }
  return [...found.values()]
}

/** The tables that iptables-legacy has made in this network namespace, one a line; whether rules are in them is not told. */
export function findLegacy(readText: ReadText): readonly InTable[] {
  return (['ip', 'ip6'] as const).flatMap(family => {
    const file = readText(`/proc/net/${family}_tables_names`)
    const names = 'text' in file ? file.text.split('\n').filter(name => /^[a-z]+$/.test(name)) : []
    return names.map(table => ({ family, table }))
  })
}

/** What may take packets off their way through the chains, read from /proc and /sys. */
import { existsSync } from 'node:fs'
import type { Detours } from '../doctor/facts.ts'
import { readText } from './files.ts'
import { parseIpvs, parseQueues } from './proc-net.ts'

/** `uplinks` are the interfaces of the default routes: only what comes in by them is watched. */
export function findDetours(uplinks: readonly string[]): Detours {
  const seesBridged = ['iptables', 'ip6tables'].some(
    name => Number(read(`/proc/sys/net/bridge/bridge-nf-call-${name}`)) > 0,
  )
  return {
    queues: parseQueues(read('/proc/net/netfilter/nfnetlink_queue')),
    ipvs: parseIpvs(read('/proc/net/ip_vs')).length > 0,
    bridges: seesBridged ? uplinks.filter(isBridge) : [],
  }
}

function isBridge(name: string): boolean {
  return existsSync(`/sys/class/net/${name}/bridge`)
}

/** Empty when there is no such file: the kernel lacks the module. */
function read(path: string): string {
  const file = readText(path)
  return 'text' in file ? file.text : ''
}

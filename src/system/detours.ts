/** What may take packets off their way through the chains, read from /proc and /sys. */
import { existsSync } from 'node:fs'
import type { Detours } from '../doctor/facts.ts'
import { linesOf } from './lines.ts'
import { parseQueue } from './proc-net.ts'
import { surroundings } from './surroundings.ts'

/** `uplinks` are the interfaces of the default routes: only what comes in by them is watched. */
export function findDetours(uplinks: readonly string[]): Detours {
  const seesBridged = ['iptables', 'ip6tables'].some(name =>
    [...linesOf(`/proc/sys/net/bridge/bridge-nf-call-${name}`)].some(line => Number(line) > 0),
  )
  return {
    queues: [...linesOf('/proc/net/netfilter/nfnetlink_queue')].flatMap(line => parseQueue(line) ?? []),
    ipvs: surroundings.balances(),
    bridges: seesBridged ? uplinks.filter(isBridge) : [],
  }
}

function isBridge(name: string): boolean {
  return existsSync(`/sys/class/net/${name}/bridge`)
}

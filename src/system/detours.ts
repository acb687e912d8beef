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
    queues: listenedTo('queue'),
    ipvs: surroundings.balances(),
    bridges: seesBridged ? uplinks.filter(isBridge) : [],
  }
}

/** The numbers of the queues, or NFLOG groups, to which a program listens: the first column of both tables. */
export function listenedTo(kind: 'queue' | 'log'): readonly number[] {
  return [...linesOf(`/proc/net/netfilter/nfnetlink_${kind}`)].flatMap(line => parseQueue(line) ?? [])
}

function isBridge(name: string): boolean {
  return existsSync(`/sys/class/net/${name}/bridge`)
}

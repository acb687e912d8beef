/** Table inet filter in the words of keep/, read by nfnetlink. */
import { TABLE } from '../arm/names.ts'
import type { LiveChain, LiveSet, LiveTable } from '../keep/live-table.ts'
import { type KernelChain, type KernelSet, readTable } from './nfnetlink/index.ts'

/** NF_INET_… of linux/netfilter.h, by their numbers. */
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress']
/** NFT_SET_… of linux/netfilter/nf_tables.h; NFT_SET_EVAL is `dynamic`. Others say what the elements are like. */
const FLAGS = { constant: 0x2, interval: 0x4, timeout: 0x10, dynamic: 0x20 }

export function liveTable(rulesOf: readonly string[]): LiveTable | undefined {
  const table = readTable(TABLE.name, rulesOf)
  if (table === undefined) return undefined
  return { ...table, chains: table.chains.map(liveChain), sets: table.sets.map(liveSet) }
}

function liveChain({ name, handle, base }: KernelChain): LiveChain {
  if (base === undefined) return { name, handle }
  const { type, hook, priority, policy } = base
  return { name, handle, hook: `type ${type} hook ${HOOKS[hook]} priority ${priority}; policy ${policy};` }
}

function liveSet({ name, handle, flags, size, timeoutMs, gcMs }: KernelSet): LiveSet {
  return {
    name,
    handle,
    flags: Object.entries(FLAGS).flatMap(([flag, bit]) => ((flags & bit) === 0 ? [] : flag)),
    size: size || undefined,
    timeout: timeoutMs / 1000 || undefined,
    gcInterval: gcMs / 1000 || undefined,
  }
}

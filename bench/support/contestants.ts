/** Who is measured: flypaperd, and what it is compared with, each armed on the gate of a stage. */
import type { Installation } from '../../test/support/daemon.ts'
import type { Running } from '../../test/support/process.ts'
import { type Capture, installed } from './packaged.ts'
import { compiled } from './programs.ts'
import { CLOSED_PORT, OPEN_PORT, type Stage } from './stage.ts'

export const CAPTURES: readonly Capture[] = ['queue', 'log']

export interface Armed extends AsyncDisposable {
  /** The process that works; the kernel alone needs none. */
  readonly process?: Running
  /** The set that sources end up in. */
  readonly table: string
  readonly set: string
  readonly flypaperd?: Installation
}

/** Room for all that a flood brings. */
const SIZE = 1_048_576
const NUMBER = 4242

/** flypaperd without the promotion limit, and with these settings besides. */
export async function flypaperd(stage: Stage, capture: Capture, toml = ''): Promise<Armed> {
  const text = `capture = "${capture}"\nsizes.hold = ${SIZE}\n${toml}`
  const installation = installed(stage, capture, text)
  const daemon = await installation.start()
  return {
    process: daemon,
    table: 'filter',
    set: 'flypaper',
    flypaperd: installation,
    async [Symbol.asyncDispose]() {
      await daemon.stop()
      installation[Symbol.dispose]()
    },
  }
}

/** Whether this version of flypaperd takes the settings. */
export async function knowsSettings(stage: Stage, toml: string): Promise<boolean> {
  using installation = installed(stage, 'log', toml)
  return (await installation.run('check')).code === 0
}

/** The C reference: rules as few as can be, and a program that moves sources from packets into the set. */
export async function reference(
  stage: Stage,
  capture: Capture,
  how: 'batch' | 'single' | 'spawn',
  holds = true,
): Promise<Armed> {
  await stage.gate.nft(
    minimal(capture === 'log' ? `log group ${NUMBER}` : `meta mark set ${NUMBER} accept`, holds),
  )
  if (capture === 'queue') await queueMarked(stage)
  const command = [await compiled('reference'), capture, String(NUMBER), how, 'reference', 'flies', '3600']
  const process = await stage.gate.start(command)
  await process.says(/^ready$/)
  return {
    process,
    table: 'reference',
    set: 'flies',
    [Symbol.asyncDispose]: async () => void (await process.stop()),
  }
}

/** No program at all: the rule that finds a closed port puts the source into the set. */
export async function kernelAlone(stage: Stage): Promise<Armed> {
  await stage.gate.nft(minimal('add @flies { ip saddr timeout 1h }'))
  return { table: 'reference', set: 'flies', [Symbol.asyncDispose]: async () => {} }
}

/** The same for IPv6, each /64 as one. */
export async function kernelAlone6(stage: Stage): Promise<Armed> {
  const in6 = (rules: string) =>
    rules.replaceAll('ipv4_addr', 'ipv6_addr').replaceAll('ip saddr', 'ip6 saddr and ffff:ffff:ffff:ffff::')
  await stage.gate.nft(in6(minimal('add @flies { ip saddr timeout 1h }')))
  return { table: 'reference', set: 'flies', [Symbol.asyncDispose]: async () => {} }
}

/** The same drop as flypaperd's, in the same place, and a hold; the open port is named, nothing is asked of sockets. */
function minimal(then: string, holds = true): string {
  return `table inet reference {
    set flies { type ipv4_addr; size ${SIZE}; flags dynamic, timeout; }
    set hold { type ipv4_addr; size ${SIZE}; flags dynamic, timeout; timeout 20s; }
    chain early {
      type filter hook prerouting priority -450
      ip saddr @hold drop
      ip saddr @flies drop
    }
    chain input {
      type filter hook input priority -10
      ct state established,related accept
      tcp dport ${OPEN_PORT} accept
      tcp dport != ${CLOSED_PORT} accept
      ${holds ? 'add @hold { ip saddr }' : ''}
      ${then}
      drop
    }
  }`
}

/** This kernel may lack nft's queue statement: the NFQUEUE target of iptables-nft, in a later table, takes its place. */
async function queueMarked(stage: Stage): Promise<void> {
  const rule = ['-m', 'mark', '--mark', String(NUMBER), '-j', 'NFQUEUE', '--queue-num', String(NUMBER)]
  await stage.gate.must(['iptables-nft', '-w', '-t', 'security', '-A', 'INPUT', ...rule])
}

/**
 * Waits until a set has enough elements, or none was added for a while; `at` is when the last one was added, in ns of CLOCK_MONOTONIC.
 * Before Linux 6.17, whose kernel is the first to tell the size of a set, there are -1 elements all the time.
 */
export async function watchSet(
  { gate }: Stage,
  { table, set }: Pick<Armed, 'table' | 'set'>,
  { enough, quietMs }: { enough: number; quietMs: number },
): Promise<{ elements: number; at: number }> {
  const command = [await compiled('set-size'), table, set, String(enough), String(quietMs), '600000']
  return JSON.parse(await gate.must(command, { timeout: 600_000 }))
}

/** How many are in the set, by a listing: slow where there are many. */
export async function lockedIn({ gate }: Stage, { table, set }: Armed): Promise<number> {
  const listing = await gate.must(['nft', 'list', 'set', 'inet', table, set], { timeout: 300_000 })
  return [...listing.matchAll(/ expires /g)].length
}

/** How many lockouts the history names with a reason and the closed port. */
export async function recordedBy({ flypaperd }: Armed): Promise<number> {
  if (flypaperd === undefined) return Number.NaN
  const listed = JSON.parse(await flypaperd.must('list', '--json')) as Recorded[]
  return listed.filter(({ because, tried }) => because !== '' && tried?.port === CLOSED_PORT).length
}

interface Recorded {
  readonly because: string
  readonly tried?: { readonly port?: number }
}

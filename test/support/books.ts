/**
 * The books of a long test. What the kernel shuts out at closed ports is counted by rules of the test's own, before
 * and behind the trap; what has become of it is told by the daemon's counters. The two must be equal.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reachDaemon } from '../../src/surface/control/client.ts'
import type { DaemonStatus } from '../../src/surface/control/status-protocol.ts'
import type { Installation } from './daemon.ts'
import type { Host } from './world.ts'

/** No service of the test listens there, and none of them is noise or the port of a service for UDP. */
export const CLOSED_PORTS = { first: 20_000, last: 20_999 }

const CLOSED = `th dport ${CLOSED_PORTS.first}-${CLOSED_PORTS.last}`
/** A table of its own: the trap may be loaded or deleted as often as it likes. Held sources and flies end before it. */
const BOOKS = `table inet books {
  counter arrived { }
  counter passed { }
  chain arriving {
    type filter hook prerouting priority -440
    meta l4proto { tcp, udp } ${CLOSED} counter name arrived
  }
  chain passing {
    type filter hook input priority 400
    meta l4proto { tcp, udp } ${CLOSED} counter name passed
  }
}`

export async function openBooks(host: Host): Promise<void> {
  await host.nft(BOOKS)
}

/** Offences that the kernel has handed over so far, whoever took them. */
export async function offences(host: Host): Promise<number> {
  const { nftables } = JSON.parse(
    await host.must(['nft', '-j', 'list', 'counters', 'table', 'inet', 'books']),
  )
  const packets = (name: string): number =>
    nftables.find((entry: { counter?: { name: string } }) => entry.counter?.name === name).counter.packets
  return packets('arrived') - packets('passed')
}

/** What becomes of an offence: exactly one of these. */
export const FATES = ['lockout', 'again', 'hold only', 'overflow', 'spared'] as const
export type Fates = Readonly<Record<(typeof FATES)[number], number>>

/** A daemon, as it counts since it began. */
export interface Reading {
  readonly pid: number
  /** Offences that it has read, or knows to have missed. */
  readonly read: number
  readonly missed: number
  readonly fates: Fates
  readonly memoryMB: number
  readonly descriptors: number
}

/** Asks the daemon itself, as `status --json` does, but without the time that a program takes to start. */
export async function readDaemon(flypaperd: Installation): Promise<Reading> {
  const { pid, counts } = await statusOf(join(flypaperd.directory, 'control.sock'))
  return {
    pid,
    read: counts.packets,
    missed: counts.lost + counts.overruns,
    fates: {
      lockout: counts.lockouts - counts.byHand,
      again: counts.again,
      'hold only': counts.deferred,
      overflow: counts.overflow,
      spared: Object.values(counts.spared).reduce((sum, packets) => sum + packets, 0),
    },
    memoryMB: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
}

async function statusOf(path: string): Promise<DaemonStatus> {
  const daemon = await reachDaemon(path)
  if (daemon === undefined) throw new Error(`no daemon answers at ${path}`)
  return await daemon.status()
}

export function sumOf(fates: Fates): number {
  return FATES.reduce((sum, fate) => sum + fates[fate], 0)
}

export function addFates(one: Fates, other: Fates): Fates {
  return Object.fromEntries(FATES.map(fate => [fate, one[fate] + other[fate]])) as Fates
}

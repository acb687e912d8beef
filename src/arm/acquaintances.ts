/**
 * Whom this machine has to do with (peers, known clients, served ports), remembered across a stop and a reboot. The kernel
 * keeps these memories, since the packet path needs them, but it keeps them no longer than the trap or its own life.
 */
import { parseAddress } from '../terms/address.ts'
import type { Change, Element, Firewall } from './firewall.ts'
import type { ServedPort } from './surroundings.ts'

const SETS = ['flypaper_peers', 'flypaper_peers6', 'flypaper_known', 'flypaper_known6'] as const

/** Small facts that outlive the daemon: the port that record/history.ts stands behind. */
export interface Notes {
  getMeta(key: string): string | undefined
  setMeta(key: string, value: string): void
}

/** Hosts of each set that are remembered at most: those that were met last. */
export const ACQUAINTANCES_MAX = 10_000
/** Older memories say nothing about today. */
const FORGOTTEN_AFTER_MS = 24 * 3_600_000
/** A set that was larger than ACQUAINTANCES_MAX is listed only at the end, since listing it takes its time. */
const EVERY_MS = 5 * 60_000
const KEY = 'acquaintances'

export interface Acquaintances {
  /** What was remembered, as elements for sets that have just been made. */
  recall(now: number): readonly Change[]
  /** Writes down who is in the sets, if it is time; at the end in any case. */
  remember(served: readonly ServedPort[], now: number, atTheEnd?: 'at-the-end'): void
}

export function openAcquaintances(firewall: Firewall, notes: Notes): Acquaintances {
  let listedAt: number | undefined
  let isLarge = false
  return {
    recall(now) {
      const { at, hosts, served } = parse(notes.getMeta(KEY))
      if (at === undefined || now - at > FORGOTTEN_AFTER_MS) return []
      return [
        ...SETS.map(set => ({ change: 'add', set, elements: hosts[set] ?? [] }) as const),
        { change: 'add', set: 'flypaper_served', elements: served.map(element => ({ element })) },
      ]
    },
    remember(served, now, atTheEnd) {
      if (atTheEnd === undefined && (isLarge || now - (listedAt ?? now - EVERY_MS) < EVERY_MS)) return
      listedAt = now
      const hosts = Object.fromEntries(
        SETS.map(set => {
          const elements = firewall.elements(set)
          isLarge ||= elements.length > ACQUAINTANCES_MAX
          const latest = [...elements].sort((one, other) => (other.expires ?? 0) - (one.expires ?? 0))
          return [set, latest.slice(0, ACQUAINTANCES_MAX).map(({ element }) => element)]
        }),
      )
      notes.setMeta(KEY, JSON.stringify({ at: now, hosts, served }))
    },
  }
}

interface Remembered {
  readonly at: number | undefined
  readonly hosts: Partial<Record<(typeof SETS)[number], readonly Element[]>>
  readonly served: readonly ServedPort[]
}

/** What cannot be read is forgotten: it only spares, and for a short time. */
function parse(text: string | undefined): Remembered {
  const nothing = { at: undefined, hosts: {}, served: [] }
  try {
    const { at, hosts, served } = JSON.parse(text ?? '{}')
    const elements = (set: string) =>
      (hosts[set] as unknown[])
        .flatMap(host => parseAddress(String(host)) ?? [])
        .map(element => ({ element }))
    return typeof at === 'number'
      ? {
          at,
          hosts: Object.fromEntries(SETS.map(set => [set, elements(set)])),
          served: served.filter(isPort),
        }
      : nothing
  } catch {
    return nothing
  }
}

function isPort(port: unknown): port is ServedPort {
  return (
    Array.isArray(port) &&
    port.length === 2 &&
    port.every(number => Number.isInteger(number) && number >= 0 && number < 65_536)
  )
}

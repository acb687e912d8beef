/**
 * Whom this machine has to do with (peers, known clients, served ports), remembered across a stop and a reboot. The kernel
 * keeps these memories, since the packet path needs them, but it keeps them no longer than the trap or its own life.
 */
import { type Address, type Prefix, parseAddress } from '../terms/address.ts'
import { elementOf, type Fly, flyOfElement, liesIn } from '../terms/fly.ts'
import { piecesOf } from '../terms/pieces.ts'
import type { Change, Element, Firewall, ListedElement } from './firewall.ts'
import type { ServedPort } from './surroundings.ts'

const SETS = ['flypaper_peers', 'flypaper_peers6', 'flypaper_known', 'flypaper_known6'] as const

/** Small facts that outlive the daemon: the port that history/history.ts stands behind. */
export interface Notes {
  getMeta(key: string): string | undefined
  setMeta(key: string, value: string): void
}

/** Hosts of each set that are remembered at most: those that were met last. */
export const ACQUAINTANCES_MAX = 10_000
/** Older memories say nothing about today. */
const FORGOTTEN_AFTER_MS = 24 * 3_600_000
const EVERY_MS = 5 * 60_000
const KEY = 'acquaintances'

export interface Acquaintances {
  /** What was remembered, as elements for sets that have just been made. */
  recall(now: number): readonly Change[]
  /** Writes down who is in the sets, if it is time. They are read piece by piece, since strangers fill them. */
  remember(served: readonly ServedPort[], now: number): Promise<void>
  /**
   * The same at once, and for the last time. Of a set with more than are remembered those stay who were the last when it was read, at most some minutes
   * ago: to read it now would keep whoever waits for the end.
   */
  rememberAtEnd(served: readonly ServedPort[], now: number): void
  /** Takes these out of the sets and out of what is written down. Hosts are asked for by name; for a wide prefix the sets are read, piece by piece. */
  forget(prefixes: readonly Prefix[]): Promise<void>
}

type Hosts = Partial<Record<(typeof SETS)[number], readonly Address[]>>

export function openAcquaintances(firewall: Firewall, notes: Notes): Acquaintances {
  let readAt: number | undefined
  let hosts: Hosts = {}
  let isOver = false
  const write = (served: readonly ServedPort[], now: number) =>
    notes.setMeta(KEY, JSON.stringify({ at: now, hosts, served }))

  return {
    recall(now) {
      const { at, hosts, served } = parse(notes.getMeta(KEY))
      if (at === undefined || now - at > FORGOTTEN_AFTER_MS) return []
      return [
        ...SETS.map(set => ({ change: 'add', set, elements: hosts[set] ?? [] }) as const),
        { change: 'add', set: 'flypaper_served', elements: served.map(element => ({ element })) },
      ]
    },
    async remember(served, now) {
      if (now - (readAt ?? now - EVERY_MS) < EVERY_MS) return
      readAt = now
      const read: Hosts = {}
      for (const set of SETS) read[set] = latest(await firewall.read(set))
      if (isOver) return
      hosts = read
      write(served, now)
    },
    async forget(prefixes) {
      const isForgotten = liesIn(prefixes)
      const isGone = (element: Address) => isForgotten(flyOfElement(element) ?? (element as string as Fly))
      const names = prefixes.every(
        ({ family, length }) => length === (family === 4 ? 32 : 128) || length === 64,
      )
        ? prefixes.map(({ text }) => elementOf(text as string as Fly))
        : undefined
      for (const set of SETS) {
        const of = set.endsWith('6') ? 'flypaper6' : 'flypaper'
        const found = names?.filter(one => one.set === of).map(({ element }) => element as Address)
        const read = found ?? (await firewall.read(set)).map(({ element }) => element).filter(isGone)
        for (const piece of piecesOf(read, 500)) firewall.take(set, piece)
        if (hosts[set] !== undefined) hosts[set] = hosts[set].filter(host => !isGone(host))
      }
      const written = parse(notes.getMeta(KEY))
      if (written.at === undefined) return
      const left = SETS.map(set => [
        set,
        (written.hosts[set] ?? []).map(({ element }) => element as Address).filter(host => !isGone(host)),
      ])
      const { at, served } = written
      notes.setMeta(KEY, JSON.stringify({ at, hosts: Object.fromEntries(left), served }))
    },
    rememberAtEnd(served, now) {
      isOver = true
      for (const set of SETS) {
        const found = firewall.first(set, ACQUAINTANCES_MAX + 1)
        if (found.length <= ACQUAINTANCES_MAX || hosts[set] === undefined) hosts[set] = latest(found)
      }
      write(served, now)
    },
  }
}

/** Those that were met last. */
function latest(elements: readonly ListedElement[]): readonly Address[] {
  const left = ({ expires }: ListedElement) => expires ?? 0
  const bar = Float64Array.from(elements, left).sort().at(-ACQUAINTANCES_MAX) ?? 0
  const after = elements.filter(element => left(element) > bar)
  const others = elements.filter(element => left(element) === bar).slice(0, ACQUAINTANCES_MAX - after.length)
  return [...after, ...others].map(({ element }) => element)
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

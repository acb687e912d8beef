/**
 * Which closed ports are excusable, element by element of `flypaper_excusable`: those of the settings, those that were served and are down,
 * and the sisters of both. The times are the kernel's, so that they hold without the daemon; a copy outlives a stop and a reboot.
 * docs/decisions/0052-which-port-is-excusable.md says why.
 */
import type { Settings, SilentPort } from '../settings/settings.ts'
import type { Notes } from './acquaintances.ts'
import type { Change, Element, Firewall } from './firewall.ts'
import type { ServedPort, Surroundings } from './surroundings.ts'

/** How long a port is excusable after it was served, at most: it is as long as it was seen open. */
export const EXCUSED_SECONDS_MAX = 86_400
/** Ports that are remembered as served. Those that only root can open come first, then those that were open for longest. */
export const EXCUSED_PORTS_MAX = 1024
/** Elements of a set of ports that are read at each look: those above, their sisters, those of the settings. */
export const PORTS_READ_MAX = 4096
/** Sisters of a port that is open stay excusable until the next look at least, of which there is one a minute. */
const SISTER_SECONDS_MIN = 120
/** An element is written anew when it would end so much too early: else each look would write each. */
const TOO_EARLY = 1 / 8
const FIRST_PORT_OF_USERS = 1024
const KEY = 'excusable'

type Asked = Pick<Settings, 'served' | 'evidence' | 'closed'>
type Around = Pick<Surroundings, 'served' | 'localPorts'>

export interface Excuses {
  /** What the kernel's set lacks or has too much. To be asked before what is served is renewed. Never shortens what a port has earned. */
  changes(settings: Asked, around: Around, now: number): readonly Change[]
}

/** A port that is or was served. */
interface Served {
  readonly port: ServedPort
  /** Until when it would be excusable were it down from now on, milliseconds since the epoch. */
  readonly until: number
  /** When it was last seen open, in the same; undefined: by another daemon. */
  readonly seen?: number
}

export function openExcuses(firewall: Pick<Firewall, 'ports'>, notes: Notes): Excuses {
  let memory: ReadonlyMap<string, Served> | undefined
  let looked: number | undefined
  return {
    changes(settings, around, now) {
      const listed = new Map(
        firewall
          .ports('flypaper_excusable', PORTS_READ_MAX)
          .map(({ port, expires }) => [String(port), { port, seconds: expires }]),
      )
      memory ??= recalled(notes, [...listed.values()], now)
      const sockets = around.served()
      const used = lately(firewall, settings.served, looked === undefined ? undefined : now - looked)
      // What a socket takes, the administrator's own rules may refuse to everybody.
      const open = settings.closed === 'unmatched' ? used : [...sockets, ...used]
      memory = renewed(memory, open.filter(isForeign(around.localPorts())), { ...settings, now, looked })
      looked = now
      const changes = difference(listed, wanted(memory, [...sockets, ...used], settings, now))
      if (changes.length > 0) notes.setMeta(KEY, JSON.stringify(textOf(memory)))
      return changes
    },
  }
}

/** Ports that packets have told to be served since the last look; all of them at the first. */
function lately(
  firewall: Pick<Firewall, 'ports'>,
  served: number,
  sinceMs: number | undefined,
): readonly ServedPort[] {
  const least = sinceMs === undefined ? 0 : served - sinceMs / 1000 + 1
  return firewall
    .ports('flypaper_served', PORTS_READ_MAX)
    .filter(({ expires = 0 }) => expires > least)
    .map(({ port }) => port)
}

/** From the ports by which this machine opens connections anybody may have one for a moment: those earn nothing. */
function isForeign([first, last]: readonly [number, number]): (port: ServedPort) => boolean {
  return ([, port]) => port < first || port > last
}

/**
 * Who is open has been so since the last look, and is excusable for as much longer; who is not keeps what he has. `served` seconds
 * in between count as open.
 */
function renewed(
  memory: ReadonlyMap<string, Served>,
  open: readonly ServedPort[],
  { served, now, looked }: { served: number; now: number; looked: number | undefined },
): ReadonlyMap<string, Served> {
  const grace = served * 1000
  const gap = Math.max(grace, now - (looked ?? now))
  const next = new Map([...memory].filter(([, { until }]) => until > now))
  for (const port of open) {
    const { until = 0, seen } = memory.get(String(port)) ?? {}
    const isContinued = seen !== undefined && now - seen <= gap
    const earned = isContinued ? until - seen - grace + now - seen : until - now - grace
    const excused = Math.min(Math.max(0, earned), EXCUSED_SECONDS_MAX * 1000)
    next.set(String(port), { port, until: now + grace + excused, seen: now })
  }
  if (next.size <= EXCUSED_PORTS_MAX) return next
  const rank = ({ port: [, port], until }: Served) => (port < FIRST_PORT_OF_USERS ? Infinity : until)
  return new Map(
    [...next].sort(([, one], [, other]) => compare(rank(other), rank(one))).slice(0, EXCUSED_PORTS_MAX),
  )
}

function compare(one: number, other: number): number {
  return one === other ? 0 : one - other
}

/** What the set shall hold, each with its seconds; undefined: for good. */
function wanted(
  memory: ReadonlyMap<string, Served>,
  open: readonly ServedPort[],
  { evidence, served }: Asked,
  now: number,
): ReadonlyMap<string, Wanted> {
  const all = new Map<string, Wanted>()
  const take = (port: ServedPort, seconds: number | undefined) => {
    const before = all.get(String(port))
    if (before === undefined || (before.seconds ?? Infinity) < (seconds ?? Infinity))
      all.set(String(port), { port, seconds })
  }
  const left = ({ until }: Served) => Math.ceil((until - now) / 1000)
  for (const one of memory.values()) take(one.port, left(one))
  const isOpen = new Set(open.map(String))
  const excuse = (port: ServedPort) => {
    const one = memory.get(String(port))
    const now = isOpen.has(String(port)) ? Math.max(served, SISTER_SECONDS_MIN) : 0
    return Math.max(now, one === undefined ? 0 : left(one))
  }
  for (const sisters of evidence.sisters) {
    const ports = sisters.flatMap(portsOf)
    for (const port of ports) {
      const seconds = Math.max(...ports.filter(other => other !== port).map(excuse))
      if (seconds > 0) take(port, seconds)
    }
  }
  for (const port of evidence.excusable.flatMap(portsOf)) take(port, undefined)
  return all
}

interface Wanted {
  readonly port: ServedPort
  readonly seconds: number | undefined
}

function difference(
  listed: ReadonlyMap<string, Wanted>,
  all: ReadonlyMap<string, Wanted>,
): readonly Change[] {
  const isTooEarly = (has: Wanted, wants: Wanted) =>
    wants.seconds === undefined
      ? has.seconds !== undefined
      : has.seconds === undefined || has.seconds < wants.seconds * (1 - TOO_EARLY)
  const late = [...all].flatMap(([name, wants]) => {
    const has = listed.get(name)
    return has === undefined || isTooEarly(has, wants) ? [{ wants, isThere: has !== undefined }] : []
  })
  // For good they were by the settings, which name them no more.
  const gone = [...listed].flatMap(([name, { port, seconds }]) =>
    seconds === undefined && !all.has(name) ? [port] : [],
  )
  const element = (port: ServedPort): Element => ({ element: port })
  const removed = [...gone, ...late.flatMap(({ wants, isThere }) => (isThere ? [wants.port] : []))]
  const added = late.map(({ wants: { port, seconds } }) => ({ element: port, seconds }))
  return [
    ...(removed.length > 0
      ? [{ change: 'remove', set: 'flypaper_excusable', elements: removed.map(element) } as const]
      : []),
    ...(added.length > 0 ? [{ change: 'add', set: 'flypaper_excusable', elements: added } as const] : []),
  ]
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const

function portsOf({ protocol, first, last }: SilentPort): readonly ServedPort[] {
  return Array.from({ length: last - first + 1 }, (_, i) => [PROTOCOLS[protocol], first + i] as const)
}

function textOf(memory: ReadonlyMap<string, Served>): readonly (readonly number[])[] {
  return [...memory.values()].map(({ port, until }) => [...port, until])
}

/** What another daemon has left: in the kernel, when it was killed, and in the notes. */
function recalled(notes: Notes, listed: readonly Wanted[], now: number): ReadonlyMap<string, Served> {
  const found = new Map<string, Served>()
  const take = (port: ServedPort, until: number) => {
    if (until > (found.get(String(port))?.until ?? now)) found.set(String(port), { port, until })
  }
  for (const [protocol, port, until] of noted(notes)) take([protocol, port], until)
  for (const { port, seconds } of listed) if (seconds !== undefined) take(port, now + seconds * 1000)
  return found
}

type Noted = readonly [protocol: number, port: number, until: number]

/** What cannot be read is forgotten: it only excuses, and for a day at most. */
function noted(notes: Notes): readonly Noted[] {
  try {
    const all: unknown = JSON.parse(notes.getMeta(KEY) ?? '[]')
    return Array.isArray(all) ? all.filter(isNoted).slice(0, EXCUSED_PORTS_MAX) : []
  } catch {
    return []
  }
}

function isNoted(one: unknown): one is Noted {
  return (
    Array.isArray(one) &&
    one.length === 3 &&
    one.every(number => Number.isSafeInteger(number) && number >= 0) &&
    (one[0] === 6 || one[0] === 17) &&
    one[1] < 65_536
  )
}

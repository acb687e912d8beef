/**
 * The kinds of value that a setting can take. Each reads a value of the TOML document, or says what is wrong with it
 * and what to write instead; name and place are added by mistakes.ts, which knows them.
 */
import { formatDuration, parseDuration, type Seconds } from '../terms/duration.ts'
import { nearest } from './nearest.ts'
import type { Forever, SilentPort } from './settings.ts'

export interface Kind<T> {
  /** Completes "hold must be …". */
  readonly takes: string
  readonly read: (value: unknown) => { readonly value: T } | Wrong
}

/** What is wrong with a value: a TOML value that would be right or a sentence about what to do. */
export type Wrong = ({ readonly write: string } | { readonly advice: string }) & {
  /** Completes the value as it was written, where "must be …, not …" is not the whole story. */
  readonly problem?: string
}

/** One of a few words. */
export function choice<const T extends string>(...choices: readonly T[]): Kind<T> {
  const quoted = choices.map(word => JSON.stringify(word))
  return {
    takes: `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`,
    read(value) {
      const chosen = choices.find(word => word === value)
      if (chosen !== undefined) return { value: chosen }
      const meant = typeof value === 'string' ? nearest(value, choices) : undefined
      return meant === undefined
        ? { advice: `write one of ${quoted.join(', ')}` }
        : { write: JSON.stringify(meant) }
    },
  }
}

/** Whole numbers; both bounds are allowed. */
export function whole(least: number, most: number): Kind<number> {
  return {
    takes: `a whole number from ${least} to ${most}`,
    read(value) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      if (typeof number !== 'number' || Number.isNaN(number)) return { advice: 'write digits without quotes' }
      const nearby = Math.min(Math.max(Math.round(number), least), most)
      return nearby === value ? { value: nearby } : { write: String(nearby) }
    },
  }
}

const UNITS: Readonly<Record<string, number>> = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/** Bytes as text; both bounds are allowed. */
export function bytes(least: string, most: string): Kind<number> {
  const [fewest, largest] = [bytesOf(least)!, bytesOf(most)!]
  return {
    takes: `a size from ${least} to ${most}`,
    read(value) {
      const text = String(value)
        .toUpperCase()
        .replace(/\s+|I(?=B$)/g, '')
        .replace(/[KMG]$/, '$&B')
      const meant = bytesOf(text)
      if (meant === undefined) return { advice: 'write a number and KB, MB or GB, such as "64MB"' }
      if (meant < fewest) return { write: JSON.stringify(least) }
      if (meant > largest) return { write: JSON.stringify(most) }
      return text === value ? { value: meant } : { write: JSON.stringify(text) }
    },
  }
}

function bytesOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})(KB|MB|GB)$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * UNITS[unit!]!
}

/** Durations as text; both bounds are allowed. */
export function duration(least: string, most: string): Kind<Seconds> {
  const [shortest, longest] = [parseDuration(least)!, parseDuration(most)!]
  return {
    takes: `a duration from ${least} to ${most}`,
    read(value) {
      const meant = (typeof value === 'string' ? parseDuration(value) : undefined) ?? guessDuration(value)
      if (meant === undefined)
        return { advice: 'write a number and s, m, h, d or w, such as "90s" or "1h30m"' }
      const nearby = Math.min(Math.max(meant, shortest), longest) as Seconds
      const valid = typeof value === 'string' && parseDuration(value) === nearby
      return valid ? { value: nearby } : { write: JSON.stringify(exactly(nearby)) }
    },
  }
}

/** Durations as text, or "forever". */
export function durationOrForever(least: string, most: string): Kind<Seconds | Forever> {
  const bounded = duration(least, most)
  return {
    takes: `${bounded.takes}, or "forever"`,
    read(value) {
      if (value === 'forever') return { value }
      // As fail2ban has it.
      if (value === -1 || value === '-1') return { write: '"forever"' }
      if (typeof value === 'string' && nearest(value, ['forever'])) return { write: '"forever"' }
      return bounded.read(value)
    },
  }
}

/** Yes or no. */
export const yesOrNo: Kind<boolean> = {
  takes: 'true or false',
  read(value) {
    if (typeof value === 'boolean') return { value }
    const meant = ['yes', 'on', 'true', '1'].includes(String(value).toLowerCase())
    return { write: String(meant) }
  },
}

/** A port or a range of ports of one protocol: "tcp/113", "udp/6000-6010". */
export const silentPort: Kind<SilentPort> = {
  takes: 'a protocol and a port or a range of ports',
  read(value) {
    const [, protocol, from, to = from] = /^(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value)) ?? []
    const [first, last] = [Number(from), Number(to)]
    if (protocol === undefined || last > 65_535 || first > last)
      return { advice: 'write it as in "tcp/113" or "udp/6000-6010", ports up to 65535' }
    return { value: { protocol: protocol as SilentPort['protocol'], first, last } }
  },
}

/** The same for several that stand in for each other: "tcp/80 tcp/443". */
export const sisterPorts: Kind<SilentPort[]> = {
  takes: 'protocols and ports, at least two',
  read(value) {
    const read = String(value)
      .split(/[ ,]+/)
      .map(text => silentPort.read(text))
    const ports = read.flatMap(one => ('value' in one ? one.value : []))
    if (ports.length < read.length || ports.length < 2)
      return { advice: 'write them as in "tcp/80 tcp/443 udp/443", ports up to 65535' }
    return { value: ports }
  },
}

/** Ports that the entries of one list may name in all. */
export const LISTED_PORTS_MAX = 1024

/** Ports that are spared one by one, each of which makes a scan cheaper. */
export function fewPorts<T extends SilentPort | readonly SilentPort[]>(): Kind<T[]> {
  return {
    takes: `at most ${LISTED_PORTS_MAX} ports`,
    read(value) {
      const ports = (value as T[]).flat() as readonly SilentPort[]
      const count = ports.reduce((sum, { first, last }) => sum + last - first + 1, 0)
      if (count <= LISTED_PORTS_MAX) return { value: value as T[] }
      return {
        problem: `names ${count} ports, where ${LISTED_PORTS_MAX} are the most`,
        advice: 'write those alone that honest hosts ask for: whoever tries two of them goes free',
      }
    },
  }
}

/** One chain, in the characters that nft takes for an identifier (its src/scanner.l): generated text stays what it is. */
export const chain: Kind<string> = {
  takes: 'the name of a chain of table inet filter',
  read(value) {
    if (typeof value !== 'string' || !/^[A-Za-z_.][\w./-]{0,127}$/.test(value))
      return { advice: 'write the name as "nft list chains inet" shows it, such as "input"' }
    if (!value.startsWith('flypaper')) return { value }
    return { problem: "is one of flypaperd's own chains", advice: 'write the name of a chain of your own' }
  },
}

/** An interface, as the kernel takes its name (dev_valid_name in net/core/dev.c), and rules and listings can write it. */
export const device: Kind<string> = {
  takes: 'the name of an interface',
  read(value) {
    const isName = typeof value === 'string' && /^[^\s/:"*\0]+$/.test(value) && !/^\.{1,2}$/.test(value)
    if (isName && Buffer.byteLength(value) <= 15) return { value }
    return { advice: 'write the name as "ip link" shows it, without what follows an @, such as "eth0"' }
  },
}

/** Devices of one chain: NFT_NETDEVICE_MAX of the kernel. */
const DEVICES_MAX = 256

/** Each once: the kernel refuses a chain that names one twice. */
export const devices: Kind<string[]> = {
  takes: `at most ${DEVICES_MAX} names of interfaces`,
  read(value) {
    const names = [...new Set(value as string[])]
    if (names.length <= DEVICES_MAX) return { value: names }
    return {
      problem: `names ${names.length} of them`,
      advice: 'write those by which strangers come, and those that your flowtables name',
    }
  },
}

/** A file, or a folder with a slash at its end. The daemon may have been started anywhere, so nothing is below where it was. */
export const path: Kind<string> = {
  takes: 'the whole path of a file, or of a folder with a slash at its end',
  read(value) {
    if (typeof value === 'string' && /^\/[^\0]*$/.test(value)) return { value }
    return { advice: 'write it as in "/etc/flypaperd/never.d/cdn.txt" or "/etc/flypaperd/never.d/"' }
  },
}

/** A file, or none. */
export const fileOrNone: Kind<string> = {
  takes: 'the whole path of a file, or "" for none',
  read(value) {
    if (typeof value === 'string' && /^(\/[^\0]*[^/\0])?$/.test(value)) return { value }
    return { advice: 'write it as in "/usr/local/share/country.mmdb", or "" for none' }
  },
}

/** A list, whose entries are read one by one after this. */
export function list(entries: string, example: string): Kind<unknown[]> {
  return {
    takes: `a list of ${entries}`,
    read(value) {
      if (Array.isArray(value)) return { value }
      return { write: `[${JSON.stringify(typeof value === 'string' ? value : example)}]` }
    },
  }
}

/** A list of so many at most. */
export function atMost(most: number, entries: string): Kind<string[]> {
  return {
    takes: `at most ${most} ${entries}`,
    read(value) {
      const all = value as string[]
      if (all.length <= most) return { value: all }
      return { problem: `names ${all.length} of them`, advice: `write ${most} at most` }
    },
  }
}

/** Arguments of a program; together they are at most so many. */
const ARGUMENTS_MAX = 64

/** A program by its whole path, and its arguments; nothing is none. */
export const program: Kind<string[]> = {
  takes: 'a program and its arguments',
  read(value) {
    const words = value as string[]
    if (words.length > ARGUMENTS_MAX)
      return { problem: `has ${words.length} words`, advice: `write ${ARGUMENTS_MAX} at most, or a script` }
    if (words[0] === undefined || /^\/./.test(words[0])) return { value: words }
    return {
      problem: 'does not begin with the whole path of a program',
      advice: 'write it as in ["/usr/bin/apprise", "--config", "/etc/flypaperd/apprise.yml"]',
    }
  },
}

/** A table, whose settings are read one by one after this. */
export function table(name: string): Kind<object> {
  return {
    takes: 'a table',
    read(value) {
      if (isTable(value)) return { value }
      return { advice: `write [${name}] in a line of its own, and its settings in the lines below` }
    },
  }
}

/** A list and a date of TOML are objects too. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** The duration as settings take it, without loss. */
export function exactly(seconds: number): string {
  const text = formatDuration(seconds)
  return parseDuration(text) === seconds ? text : `${seconds}s`
}

/** What was meant by 3600, "20 sec" or "1H". */
function guessDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value) : undefined
  if (typeof value !== 'string') return undefined
  const short = value.toLowerCase().replace(/\s+/g, '')
  return parseDuration(
    short.replace(/(\d)(second|sec|minute|min|hour|hr|day|week)s?/g, (_, digit, word) => digit + word[0]),
  )
}

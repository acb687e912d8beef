/**
 * Country and network of a source, from databases in MaxMind's format (mmdb) that the administrator names. For the command line and the digest: the
 * daemon reads none of it. docs/decisions/0083-country-and-network.md
 */
import type { Settings } from '../../settings/settings.ts'
import { escapeText } from '../../terms/escape.ts'
import type { System } from './system.ts'

export interface Place {
  /** ISO 3166, two letters: `DE`. */
  readonly country?: string
  /** Number of the autonomous system, and whose it is. */
  readonly asn?: number
  readonly asName?: string
}

export interface Geo {
  readonly hasCountry: boolean
  readonly hasNetwork: boolean
  /** Of an address, or of a prefix by its first address; empty where nothing is known. Never throws. */
  of(source: string): Place
}

/** Characters of a name that are shown: databases are written by others. */
const NAME_MAX = 60

type Look = (address: string) => unknown

export interface GeoWorld extends Pick<System, 'readDatabase'> {
  warn(sentence: string): void
}

/** Undefined where the settings name none, or none can be used, which is said once for each. */
export async function openGeo(files: Settings['geo'], from: GeoWorld): Promise<Geo | undefined> {
  const country = await open(from, 'country', files.country)
  const network = await open(from, 'asn', files.asn)
  if (country === undefined && network === undefined) return undefined
  return {
    hasCountry: country !== undefined,
    hasNetwork: network !== undefined,
    of(source) {
      const address = source.replace(/\/.*/, '')
      return { ...countryOf(country?.(address)), ...networkOf(network?.(address)) }
    },
  }
}

/** What cannot be read is said once, and from then on nothing is known. */
async function open(
  { readDatabase, warn }: GeoWorld,
  setting: string,
  file: string,
): Promise<Look | undefined> {
  if (file === '') return undefined
  const complain = (why: string): undefined =>
    void warn(
      `geo.${setting} is left out, and everything else is told as ever. ${escapeText(file)}: ${escapeText(why)}`,
    )
  const read = readDatabase(file)
  if ('unreadable' in read) return complain(read.because)
  if (read.isCut) return complain('it is too large for one')
  const { Reader } = await import('mmdb-lib')
  let isBroken = false
  try {
    const reader = new Reader(read.bytes)
    const { ipVersion } = reader.metadata
    return address => {
      if (isBroken || (ipVersion === 4 && address.includes(':'))) return undefined
      try {
        return reader.get(address)
      } catch (error) {
        isBroken = true
        return complain(`it is damaged: ${messageOf(error)}`)
      }
    }
  } catch (error) {
    return complain(`it is no database in MaxMind's format (mmdb), or damaged: ${messageOf(error)}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** As GeoLite2, DB-IP and ip-location-db write it. */
function countryOf(record: unknown): Pick<Place, 'country'> {
  const { country, registered_country: registered, country_code: code } = fieldsOf(record)
  const found = code ?? fieldsOf(country).iso_code ?? fieldsOf(registered).iso_code
  return typeof found === 'string' && /^[A-Z]{2}$/.test(found) ? { country: found } : {}
}

function networkOf(record: unknown): Pick<Place, 'asn' | 'asName'> {
  const { autonomous_system_number: asn, autonomous_system_organization: name } = fieldsOf(record)
  if (typeof asn !== 'number' || !Number.isSafeInteger(asn)) return {}
  return { asn, ...(typeof name === 'string' && name !== '' && { asName: name.slice(0, NAME_MAX) }) }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** `AS3320 Deutsche Telekom AG`; empty where it is not known. */
export function networkText({ asn, asName }: Place): string {
  return asn === undefined ? '' : `AS${asn}${asName === undefined ? '' : ` ${asName}`}`
}

/** So many lockouts are looked at, the newest first: a look-up takes some microseconds. */
export const PLACED_MAX = 100_000
/** Lines of each table. */
const TOP = 10

export interface Places {
  readonly countries: readonly { readonly country: string; readonly attackers: number }[]
  readonly asNumbers: readonly {
    readonly asn: number
    readonly asName?: string
    readonly attackers: number
  }[]
  /** There were more lockouts than are looked at. */
  readonly isPart: boolean
}

/** Where attackers come from, as far as the databases tell: each source counts once. */
export async function placesOf(
  geo: Geo,
  pages: AsyncIterable<readonly { readonly source: string }[]>,
): Promise<Partial<Places>> {
  const { isPart, countries, asNumbers } = await counted(geo, pages)
  return {
    ...(geo.hasCountry && { countries }),
    ...(geo.hasNetwork && { asNumbers }),
    ...(isPart && { isPart }),
  }
}

async function counted(
  geo: Geo,
  pages: AsyncIterable<readonly { readonly source: string }[]>,
): Promise<Places> {
  const seen = new Set<string>()
  const countries = new Map<string, number>()
  const numbers = new Map<number, { asn: number; asName?: string; attackers: number }>()
  let left = PLACED_MAX
  for await (const page of pages) {
    for (const { source } of page.slice(0, left)) {
      if (seen.has(source)) continue
      seen.add(source)
      const { country, asn, asName } = geo.of(source)
      if (country !== undefined) countries.set(country, (countries.get(country) ?? 0) + 1)
      if (asn === undefined) continue
      const found = numbers.get(asn) ?? { asn, ...(asName && { asName }), attackers: 0 }
      found.attackers++
      numbers.set(asn, found)
    }
    if (page.length > left) return { ...sorted(), isPart: true }
    left -= page.length
  }
  return { ...sorted(), isPart: false }

  function sorted() {
    const most = <T extends { attackers: number }>(all: Iterable<T>) =>
      [...all].sort((one, other) => other.attackers - one.attackers).slice(0, TOP)
    const byCountry = [...countries].map(([country, attackers]) => ({ country, attackers }))
    return { countries: most(byCountry), asNumbers: most(numbers.values()) }
  }
}

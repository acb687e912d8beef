/** Which prefix DNS64 puts before the addresses of IPv4 here: asked as RFC 7050 says, by the resolvers of this machine. */
import { type Address, type Prefix, parseAddress, prefixAround } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'

/** A name that has addresses of IPv4 alone, and which they are (RFC 7050). */
const NAME = 'ipv4only.arpa'
const WELL_KNOWN = [
  [192, 0, 0, 170],
  [192, 0, 0, 171],
]
/** Nobody waits longer for it, in milliseconds. */
const PATIENCE = 2000
/** Where a prefix of each length has the four bytes of an address of IPv4 (RFC 6052): byte 8 is left out. */
const PLACES: Readonly<Record<number, readonly number[]>> = {
  96: [12, 13, 14, 15],
  64: [9, 10, 11, 12],
  56: [7, 9, 10, 11],
  48: [6, 7, 9, 10],
  40: [5, 6, 7, 9],
  32: [4, 5, 6, 7],
}

/** None where nobody answers, in time. */
export async function findNat64(): Promise<readonly Prefix[]> {
  // To load it reads resolv.conf, which may hang.
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: PATIENCE, tries: 1 })
  const timer = setTimeout(() => resolver.cancel(), PATIENCE)
  try {
    return nat64Prefixes((await resolver.resolve6(NAME)).flatMap(text => parseAddress(text) ?? []))
  } catch {
    return []
  } finally {
    clearTimeout(timer)
  }
}

/** The prefixes of these addresses of the name, each once. Pure. */
export function nat64Prefixes(addresses: readonly Address[]): readonly Prefix[] {
  const found = addresses.flatMap(address => {
    const bytes = addressKey(address)
    if (typeof bytes === 'number') return []
    return Object.entries(PLACES).flatMap(([length, places]) =>
      WELL_KNOWN.some(known => known.every((byte, i) => bytes[places[i]!] === byte))
        ? prefixAround(address, Number(length))
        : [],
    )
  })
  return [...new Map(found.map(prefix => [prefix.text, prefix])).values()]
}

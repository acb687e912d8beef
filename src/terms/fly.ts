/**
 * A fly: a source that is locked out, named as people see it and as the kernel set holds it.
 *
 * IPv4: one address, `69.0.231.79`. IPv6: the /64 of the source, `2001:db8:1:2::/64`, since a host there has
 * 2^64 addresses to come from. Where a whole /64 would hurt others (our own on-link prefix, the NAT64 prefix,
 * a /64 with somebody of the never-list in it) a single IPv6 address, `2001:db8:1:2::5`. Any other prefix, `10.0.0.0/8`,
 * is a fly by hand only, and is kept in sets of intervals.
 */
import {
  type Address,
  covers,
  isIPv4,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixAround,
} from './address.ts'
import { type AddressKey, addressKey, net64Text } from './address-bytes.ts'
import { type PrefixSet, prefixSet } from './prefix-set.ts'

declare const brand: unique symbol
export type Fly = string & { readonly [brand]: 'Fly' }

/** RFC 6052: behind this prefix stands the whole IPv4 world. */
export const NAT64 = '64:ff9b::/96'

const CACHE = 4096

/**
 * Tells which fly a source belongs to. `singles` are the IPv6 prefixes in whose /64 hosts stick one by one; the kernel's
 * set flypaper_single6 holds the same.
 */
export function flyNamer(singles: PrefixSet): (source: Address) => Fly {
  const known = new Map<Address, Fly>()
  return source => {
    if (!source.includes(':')) return source as string as Fly
    const before = known.get(source)
    if (before !== undefined) return before
    if (known.size >= CACHE) known.clear()
    const fly = (
      singles.meets(net64Words(addressKey(source) as Uint8Array)) ? source : net64Text(source)
    ) as Fly
    known.set(source, fly)
    return fly
  }
}

/** The prefix that a fly stands for. */
export function prefixOf(fly: Fly): Prefix {
  return parsePrefix(fly)!
}

/** Whether the fly overlaps one of the prefixes. */
export function meets(fly: Fly, prefixes: PrefixSet): boolean {
  // `::ffff:192.0.2.1` is the IPv4 address.
  const isOther = fly.includes('/') || (fly.includes(':') && fly.includes('.'))
  return isOther ? prefixes.overlaps(prefixOf(fly)) : prefixes.has(addressKey(fly as string as Address))
}

/** Whether the whole fly lies in one of these prefixes: what it is, is nobody else's then. */
export function liesIn(prefixes: readonly Prefix[]): (fly: Fly) => boolean {
  const wanted = prefixSet(prefixes)
  return fly => {
    if (!meets(fly, wanted)) return false
    const own = parsePrefix(fly)
    return own !== undefined && prefixes.some(one => covers(one, own))
  }
}

/** The same for the element by which a set holds a source: an IPv6 address whose last half is zero means its /64. */
export function elementMeets(key: AddressKey, prefixes: PrefixSet): boolean {
  if (typeof key === 'number' || key.subarray(8).some(byte => byte !== 0)) return prefixes.has(key)
  return prefixes.meets(net64Words(key))
}

function net64Words(key: Uint8Array): readonly number[] {
  const view = new DataView(key.buffer, key.byteOffset)
  return [view.getUint32(0), view.getUint32(4)]
}

/** The sets that hold flies. */
export const FLY_SETS = ['flypaper', 'flypaper6', 'flypaper_nets', 'flypaper_nets6'] as const
export type FlySet = (typeof FLY_SETS)[number]

/** Those of the hosts that were locked out by hand, beside the sets that hold them. */
export const BY_HAND_SETS = ['flypaper_by_hand', 'flypaper_by_hand6'] as const
export const BY_HAND_OF: Partial<Record<FlySet, (typeof BY_HAND_SETS)[number]>> = {
  flypaper: 'flypaper_by_hand',
  flypaper6: 'flypaper_by_hand6',
}

/** Whether the fly is a prefix that only a person can lock out. */
export function isNet(fly: Fly): boolean {
  return fly.includes('/') && !(fly.includes(':') && fly.endsWith('/64'))
}

export function setOf(fly: Fly): FlySet {
  const set = isNet(fly) ? 'flypaper_nets' : 'flypaper'
  return fly.includes(':') ? `${set}6` : set
}

/** The set that holds the fly, and its element there: the /64 is kept as its first address. */
export function elementOf(fly: Fly): { set: FlySet; element: Address | Prefix } {
  if (!fly.includes('/'))
    return { set: fly.includes(':') ? 'flypaper6' : 'flypaper', element: fly as string as Address }
  return { set: setOf(fly), element: isNet(fly) ? prefixOf(fly) : (fly.replace('/64', '') as Address) }
}

/** The fly that an element of the sets stands for; undefined when the text is no address. */
export function flyOfElement(element: string): Fly | undefined {
  if (isIPv4(element)) return element as Fly
  const address = parseAddress(element)
  if (address === undefined) return undefined
  const around = prefixAround(address, 64)
  return (address.includes(':') && around.text === `${address}/64` ? around.text : address) as Fly
}

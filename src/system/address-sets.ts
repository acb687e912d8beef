/**
 * Changes of the sets that hold single addresses, or what such an address tried, by nfnetlink instead of libnftables: they come by
 * the thousand, and for those its JSON costs more than the kernel's own work. docs/decisions/0030-flies-by-nfnetlink.md
 *
 * Nothing is added in order to be removed: an addition to a set that packets fill makes it lose its bound
 * (docs/decisions/0039-the-bound-of-a-set.md).
 */
import type { Change, ElementValue } from '../arm/firewall.ts'
import { type SetName, TABLE } from '../arm/names.ts'
import type { Address } from '../terms/address.ts'
import { type AddressKey, addressKey } from '../terms/address-bytes.ts'
import { type ElementChange, NetlinkError, type NetlinkErrorCode, openElements } from './nfnetlink/index.ts'
import { NftablesError, type NftablesErrorCode } from './nftables-json/index.ts'
import { passingKey } from './passing-key.ts'

/** The others hold intervals, or are changed together with such. */
const SETS: ReadonlySet<string> = new Set<SetName>([
  'flypaper',
  'flypaper6',
  'flypaper_hold',
  'flypaper_hold6',
  'flypaper_pending',
  'flypaper_pending6',
  'flypaper_passing',
  'flypaper_passing6',
])

export interface AddressSets extends Disposable {
  /** Makes the changes as one transaction when they are of these sets alone; false when they are not. Throws NftablesError. */
  change(changes: readonly Change[]): boolean
}

type AddressChange = Extract<Change, { change: 'add' | 'remove' }>

export function openAddressSets(): AddressSets {
  const elements = asNftables(() => openElements(TABLE.name))
  return {
    change(changes) {
      if (!changes.every(isOfAddresses)) return false
      asNftables(() => elements.change(changes.map(elementChange)))
      return true
    },
    [Symbol.dispose]: () => elements[Symbol.dispose](),
  }
}

function isOfAddresses(change: Change): change is AddressChange {
  return (change.change === 'add' || change.change === 'remove') && SETS.has(change.set)
}

function elementChange({ change, set, elements }: AddressChange): ElementChange {
  if (change === 'remove')
    return { op: 'destroy', set, elements: elements.map(({ element }) => ({ key: keyOf(element) })) }
  const keyed = elements.map(({ element, seconds }) => ({
    key: keyOf(element),
    timeoutMs: seconds === undefined ? undefined : seconds * 1000,
  }))
  return { op: 'add', set, elements: keyed }
}

/** An address, or the four parts of what passes. */
function keyOf(element: ElementValue): AddressKey {
  if (typeof element !== 'object' || 'text' in element) return addressKey(element as Address)
  const [source, destination, protocol, port] = element as readonly [Address, Address, number, number]
  return passingKey(source, destination, protocol, port)
}

const CODES: Readonly<Partial<Record<NetlinkErrorCode, NftablesErrorCode>>> = {
  full: 'set-full',
  missing: 'missing',
  'too-large': 'too-large',
  'no-permission': 'no-permission',
  unsupported: 'unsupported',
}

/** Whoever asked need not know which way it went. */
function asNftables<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    throw new NftablesError(CODES[error.code] ?? 'refused', error.message, { cause: error })
  }
}

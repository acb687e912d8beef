/**
 * Changes of the sets that hold single addresses, by nfnetlink instead of libnftables: flies come by the thousand, and
 * for those its JSON costs more than the kernel's own work. docs/decisions/0030-flies-by-nfnetlink.md
 */
import type { Change } from '../arm/firewall.ts'
import { type SetName, TABLE } from '../arm/names.ts'
import type { Address } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'
import { type ElementChange, NetlinkError, type NetlinkErrorCode, openElements } from './nfnetlink/index.ts'
import { NftablesError, type NftablesErrorCode } from './nftables-json/index.ts'

/** The others hold intervals or concatenations, which are more than the bytes of an address. */
const SETS: ReadonlySet<string> = new Set<SetName>([
  'flypaper',
  'flypaper6',
  'flypaper_hold',
  'flypaper_hold6',
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
      asNftables(() => elements.change(changes.flatMap(elementChanges)))
      return true
    },
    [Symbol.dispose]: () => elements[Symbol.dispose](),
  }
}

function isOfAddresses(change: Change): change is AddressChange {
  return (change.change === 'add' || change.change === 'remove') && SETS.has(change.set)
}

/** The kernel refuses to delete what is not there, so what is removed is added first. */
function elementChanges({ change, set, elements }: AddressChange): ElementChange[] {
  const keyed = elements.map(({ element, seconds }) => ({
    key: addressKey(element as Address),
    timeoutMs: seconds === undefined ? undefined : seconds * 1000,
  }))
  if (change === 'add') return [{ op: 'add', set, elements: keyed }]
  const bare = keyed.map(({ key }) => ({ key }))
  return [
    { op: 'add', set, elements: bare },
    { op: 'delete', set, elements: bare },
  ]
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

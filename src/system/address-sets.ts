/**
 * The sets that hold single addresses, or what such an address tried, by nfnetlink instead of libnftables: they come by the thousand,
 * and for those its JSON costs more than the kernel's own work. docs/decisions/0030-flies-by-nfnetlink.md,
 * docs/decisions/0035-no-list-of-strangers.md
 *
 * Nothing is added in order to be removed: an addition to a set that packets fill makes it lose its bound
 * (docs/decisions/0039-the-bound-of-a-set.md).
 */
import {
  type AddressSet,
  type Change,
  type ElementValue,
  type Firewall,
  type InterfaceName,
  type ListedElement,
  READ_MAX,
} from '../arm/firewall.ts'
import { type SetName, TABLE } from '../arm/names.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import type { Address } from '../terms/address.ts'
import { type AddressKey, addressKey } from '../terms/address-bytes.ts'
import { piecesOf } from '../terms/pieces.ts'
import {
  type ElementChange,
  type Elements,
  firstElements,
  NetlinkError,
  type NetlinkErrorCode,
  openElements,
  type RulesetElement,
  visitElements,
} from './nfnetlink/index.ts'
import { NftablesError, type NftablesErrorCode } from './nftables-json/index.ts'
import { passingKey } from './passing-key.ts'

export interface AddressSets
  extends Disposable,
    Pick<Firewall, 'take' | 'takeOut' | 'ask' | 'first' | 'read'> {
  /** Makes the changes as one transaction when they are of these sets alone; false when they are not. Throws NftablesError. */
  change(changes: readonly Change[]): boolean
  /** The names of interfaces that are added are in the set of the uplinks then, and no others. Nothing for no changes. */
  setInterfaces(changes: readonly Change[]): void
}

type AddressChange = Extract<Change, { change: 'add' | 'remove' }>

/** IFNAMSIZ of linux/if.h. */
const IFNAMSIZ = 16
/** Interfaces of default routes, at most. */
const INTERFACES_MAX = 1000
/** Elements that are taken out in one transaction. */
const TAKEN_AT_ONCE = 1000

export function openAddressSets(): AddressSets {
  const elements = asNftables(() => openElements(TABLE.name))
  return {
    change(changes) {
      if (!changes.every(isOfAddresses)) return false
      asNftables(() => elements.change(changes.map(elementChange)))
      return true
    },
    setInterfaces(changes) {
      if (changes.length === 0) return
      const keys = changes.flatMap(change =>
        change.change === 'add'
          ? change.elements.map(({ element }) => interfaceKey(element as InterfaceName))
          : [],
      )
      const isWanted = (key: Uint8Array) => keys.some(one => Buffer.compare(one, key) === 0)
      asNftables(() => {
        const found = firstElements(TABLE.name, 'flypaper_outside', INTERFACES_MAX)
        const gone = found.filter(({ key }) => !isWanted(key))
        elements.change([
          { op: 'destroy', set: 'flypaper_outside', elements: gone.map(({ key }) => ({ key })) },
          { op: 'add', set: 'flypaper_outside', elements: keys.map(key => ({ key })) },
        ])
      })
    },
    take: (set, addresses) => asNftables(() => take(elements, set, addresses)),
    // By this socket, which stays open: what another does by one that is closed by then looks like somebody else's.
    takeOut: (set, keys) =>
      asNftables(() => {
        if (!elements.exists(set)) return
        for (const piece of piecesOf(keys, TAKEN_AT_ONCE))
          elements.change([{ op: 'destroy', set, elements: piece.map(key => ({ key })) }])
      }),
    ask: (set, addresses) => asNftables(() => elements.ask(set, addresses.map(addressKey)).map(listed)),
    first: (set, most) => asNftables(() => firstElements(TABLE.name, set, most).map(listed)),
    async read(set, isWanted = () => true) {
      const found: ListedElement[] = []
      let looked = 0
      await visitElements(TABLE.name, set, element => {
        if (isWanted(keyOf(element.key))) found.push(listed(element))
        return ++looked < READ_MAX
      })
      return found
    },
    [Symbol.dispose]: () => elements[Symbol.dispose](),
  }
}

function isOfAddresses(change: Change): change is AddressChange {
  return (change.change === 'add' || change.change === 'remove') && SETS.has(change.set)
}

/** The others hold intervals, or are changed together with such: peers and known clients with ports and prefixes. */
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

/** The kernel refuses to delete what is not there: so it is asked first who is. */
function take(elements: Elements, set: AddressSet, addresses: readonly Address[]): readonly Address[] {
  const taken: Address[] = []
  for (const piece of piecesOf(addresses, TAKEN_AT_ONCE)) {
    const byKey = new Map(piece.map(address => [addressKey(address), address]))
    for (const key of elements.take(set, [...byKey.keys()])) taken.push(byKey.get(key)!)
  }
  return taken
}

function elementChange({ change, set, elements }: AddressChange): ElementChange {
  if (change === 'remove')
    return { op: 'destroy', set, elements: elements.map(({ element }) => ({ key: elementKey(element) })) }
  const keyed = elements.map(({ element, seconds }) => ({
    key: elementKey(element),
    timeoutMs: seconds === undefined ? undefined : seconds * 1000,
  }))
  return { op: 'add', set, elements: keyed }
}

/** An address, or the four parts of what passes. */
function elementKey(element: ElementValue): AddressKey {
  if (typeof element !== 'object' || 'text' in element) return addressKey(element as Address)
  const [source, destination, protocol, port] = element as readonly [Address, Address, number, number]
  return passingKey(source, destination, protocol, port)
}

/** Of the type ifname: padded with zeros. */
function interfaceKey({ interface: name }: InterfaceName): Uint8Array {
  return Buffer.alloc(IFNAMSIZ, 0).fill(name, 0, Math.min(Buffer.byteLength(name), IFNAMSIZ - 1))
}

function keyOf(key: Uint8Array): AddressKey {
  return key.length === 4 ? new DataView(key.buffer, key.byteOffset).getUint32(0) : key
}

function listed({ key, timeoutMs, expiresMs }: RulesetElement): ListedElement {
  const element = (key.length === 4 ? formatIPv4(key, 0) : formatIPv6(key, 0)) as Address
  const left = expiresMs ?? timeoutMs
  return left === undefined ? { element } : { element, expires: Math.ceil(left / 1000) }
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

/**
 * What changes while the daemon runs goes to the kernel by nfnetlink instead of libnftables: elements come by the thousand, and for those its
 * JSON costs more than the kernel's own work (docs/decisions/0030-flies-by-nfnetlink.md, docs/decisions/0035-no-list-of-strangers.md); and
 * for one element it would fetch those of every set of intervals on this machine (docs/decisions/0043-others-cost-nothing.md).
 *
 * Nothing is added in order to be removed: an addition to a set that packets fill makes it lose its bound
 * (docs/decisions/0039-the-bound-of-a-set.md).
 */

import { type Elements, firstElements, openElements, type RulesetElement, visitElements } from 'nfnetlink'
import {
  type AddressSet,
  type Change,
  type Firewall,
  type ListedElement,
  type ListedPort,
  READ_MAX,
} from '../arm/firewall.ts'
import { TABLE } from '../arm/names.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import type { Address } from '../terms/address.ts'
import { type AddressKey, addressKey } from '../terms/address-bytes.ts'
import { piecesOf } from '../terms/pieces.ts'
import { asNftables } from './netlink-failure.ts'
import { tableChanges } from './table-changes.ts'

export interface AddressSets
  extends Disposable,
    Pick<Firewall, 'take' | 'takeOut' | 'ask' | 'first' | 'ports' | 'read'> {
  /** As one transaction. Throws NftablesError. */
  change(changes: readonly Change[]): void
}

/** Elements that are taken out in one transaction. */
const TAKEN_AT_ONCE = 1000

export function openAddressSets(): AddressSets {
  const elements = asNftables(() => openElements(TABLE.name))
  return {
    change: changes => asNftables(() => elements.change(changes.flatMap(tableChanges))),
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
    ports: (set, most) => asNftables(() => firstElements(TABLE.name, set, most).map(listedPort)),
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

/** The kernel refuses to delete what is not there: so it is asked first who is. */
function take(elements: Elements, set: AddressSet, addresses: readonly Address[]): readonly Address[] {
  const taken: Address[] = []
  for (const piece of piecesOf(addresses, TAKEN_AT_ONCE)) {
    const byKey = new Map(piece.map(address => [addressKey(address), address]))
    for (const key of elements.take(set, [...byKey.keys()])) taken.push(byKey.get(key)!)
  }
  return taken
}

function keyOf(key: Uint8Array): AddressKey {
  return key.length === 4 ? new DataView(key.buffer, key.byteOffset).getUint32(0) : key
}

/** Each part is padded to four bytes. */
function listedPort(element: RulesetElement): ListedPort {
  const { key } = element
  const port = [key[0]!, (key[4]! << 8) | key[5]!] as const
  return { port, expires: secondsLeft(element) }
}

function secondsLeft({ timeoutMs, expiresMs }: RulesetElement): number | undefined {
  const left = expiresMs ?? timeoutMs
  return left === undefined ? undefined : Math.ceil(left / 1000)
}

function listed(one: RulesetElement): ListedElement {
  const { key, packets } = one
  const element = (key.length === 4 ? formatIPv4(key, 0) : formatIPv6(key, 0)) as Address
  const expires = secondsLeft(one)
  const told = expires === undefined ? { element } : { element, expires }
  return packets === undefined ? told : { ...told, packets }
}

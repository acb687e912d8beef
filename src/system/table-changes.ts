/** Changes as arm/ names them become messages to the kernel: sets hold bytes. */

import type { SetElement, TableChange } from 'nfnetlink'
import type { Change, Element, ElementValue, InterfaceName } from '../arm/firewall.ts'
import { INTERVAL_SETS, type SetName } from '../arm/names.ts'
import { type Address, type Prefix, parsePrefix } from '../terms/address.ts'
import { type AddressKey, addressKey, keyBytes } from '../terms/address-bytes.ts'
import { WORDS } from '../terms/prefix-set.ts'
import { passingKey } from './passing-key.ts'

/** Of linux/if.h. */
const IFNAMSIZ = 16

/** One after the other. */
export function tableChanges(change: Change): readonly TableChange[] {
  if (change.change !== 'exchange') return [tableChange(change)]
  const { set, family, gone, come } = change
  const words = WORDS[family]
  return [
    { op: 'delete-ranges', set, ranges: gone, words },
    { op: 'add-ranges', set, ranges: come, words },
  ]
}

function tableChange(change: Exclude<Change, { change: 'exchange' }>): TableChange {
  switch (change.change) {
    case 'add':
      return { op: 'add', set: change.set, elements: change.elements.map(one => setElement(change.set, one)) }
    case 'remove':
      return {
        op: 'destroy',
        set: change.set,
        elements: change.elements.map(({ element }) => setElement(change.set, { element })),
      }
    case 'empty':
      return { op: 'empty-set', set: change.set }
    case 'flush-chain':
      return { op: 'empty-chain', chain: change.chain }
    case 'rename-chain':
      return { op: 'rename-chain', handle: change.handle, to: change.to }
    case 'delete-set':
    case 'delete-chain':
    case 'append-jump':
    case 'delete-rule':
    case 'delete-table': {
      const { change: op, ...rest } = change
      return { op, ...rest } as TableChange
    }
  }
}

function setElement(set: SetName, { element, seconds }: Element): SetElement {
  const timeoutMs = seconds === undefined ? undefined : seconds * 1000
  if (INTERVAL_SETS.includes(set)) return { ...intervalOf(element as Address | Prefix), timeoutMs }
  return { key: keyOf(element as Exclude<ElementValue, Prefix>), timeoutMs }
}

/** The interval of an address is the address alone. Those of one set do not overlap. */
function intervalOf(element: Address | Prefix): Pick<SetElement, 'key' | 'to'> {
  const { family, first, length } = typeof element === 'string' ? parsePrefix(element)! : element
  const bits = family === 4 ? 32 : 128
  const behind = first + (1n << BigInt(bits - length))
  return {
    key: keyOfNumber(first, bits),
    to: behind === 1n << BigInt(bits) ? null : keyOfNumber(behind, bits),
  }
}

function keyOfNumber(address: bigint, bits: number): AddressKey {
  if (bits === 32) return Number(address)
  return Uint8Array.from({ length: 16 }, (_, i) => Number((address >> BigInt(8 * (15 - i))) & 0xffn))
}

function keyOf(element: Exclude<ElementValue, Prefix>): AddressKey {
  if (typeof element === 'number') return Uint8Array.of(element)
  if (typeof element === 'string') return addressKey(element)
  if ('interface' in element) return interfaceKey(element)
  if (element.length === 3) return placeKey(...(element as readonly [Address, number, number]))
  if (element.length === 4) return isFlow(element) ? flowKey(...element) : passingKey(...(element as Passing))
  return servedKey(...(element as readonly [number, number]))
}

/** Of the type ifname: padded with zeros. */
function interfaceKey({ interface: name }: InterfaceName): Uint8Array {
  const key = new Uint8Array(IFNAMSIZ)
  key.set(Buffer.from(name).subarray(0, IFNAMSIZ - 1))
  return key
}

type Flow = readonly [host: Address, protocol: number, from: number, to: number]
type Passing = readonly [source: Address, destination: Address, protocol: number, port: number]

function isFlow(element: readonly (number | Address)[]): element is Flow {
  return typeof element[1] === 'number'
}

/** Whose answers they are, protocol, and both ports. */
function flowKey(host: Address, protocol: number, from: number, to: number): Uint8Array {
  return Uint8Array.from([...placeKey(host, protocol, from), to >> 8, to, 0, 0])
}

/** Address, protocol and port. */
function placeKey(address: Address, protocol: number, port: number): Uint8Array {
  return Uint8Array.from([...keyBytes(address), ...servedKey(protocol, port)])
}

/** Protocol and port, each padded to four bytes. */
function servedKey(protocol: number, port: number): Uint8Array {
  return Uint8Array.of(protocol, 0, 0, 0, port >> 8, port, 0, 0)
}

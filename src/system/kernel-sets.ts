/** The watch of lockout/ over nf_tables' announcements, and its reader of sets. */
import { readlinkSync } from 'node:fs'
import {
  countElements,
  FAMILIES,
  openElements,
  type RulesetChange,
  type RulesetElement,
  readElements,
  watchRuleset,
} from 'nfnetlink'
import { isOurs, TABLE } from '../arm/names.ts'
import { formatIPv4, formatIPv6 } from '../decode/address.ts'
import type { ForeignChange, FoundElement } from '../keep/external-changes.ts'
import type { KernelSets } from '../keep/kernel-sets.ts'
import { keyBytes } from '../terms/address-bytes.ts'
import { readText } from './files.ts'
import { liveTable } from './live-table.ts'

export const kernelSets: KernelSets = {
  boot: bootId,
  place: () => `${bootId()} ${readlinkSync('/proc/self/ns/net')}`,
  table: liveTable,
  watch: ({ onForeign, onRules, onElements, onLost, onError }) =>
    watchRuleset({
      table: TABLE.name,
      elementsOf: isOurs,
      onChange: ({ changes, ...transaction }) =>
        onForeign({ ...transaction, changes: changes.map(foreignChange) }),
      onRules: { counts: ({ table, name }) => table !== TABLE.name || !isOurs(name), told: onRules },
      onElements: {
        counts: (family, table, set) => onElements.counts(`${FAMILIES[family]} ${table} ${set}`),
        told: onElements.told,
      },
      onLost,
      onError,
    }),
  async read(set, most) {
    return (await readElements(TABLE.name, set, most))?.flatMap(foundElement)
  },
  find(set, elements) {
    using asked = openElements(TABLE.name)
    const found = new Set(
      asked
        .ask(set, elements.map(keyBytes))
        .flatMap(foundElement)
        .map(({ element }) => element),
    )
    // That there is no such set, and no such element in it, is the same errno.
    if (found.size === 0 && !asked.exists(set)) return undefined
    return new Set(elements.filter(element => found.has(element)))
  },
  count: (set, most) => countElements(TABLE.name, set, most),
}

/** Random, and another after each boot: random(4). */
function bootId(): string {
  const file = readText('/proc/sys/kernel/random/boot_id')
  return 'text' in file ? file.text.trim() : 'unknown'
}

function foreignChange(change: RulesetChange): ForeignChange {
  const { op, name } = change
  if (change.kind !== 'element') return { op, kind: change.kind, name }
  const { elements, catchAll } = change
  const keys = elements.map(({ key }) => key)
  return { op, kind: 'element', name, elements: elements.flatMap(foundElement), keys, catchAll }
}

/** Keys of other lengths belong to sets that hold no addresses. */
function foundElement({ key, timeoutMs, expiresMs }: RulesetElement): FoundElement[] {
  if (key.length !== 4 && key.length !== 16) return []
  const element = key.length === 4 ? formatIPv4(key, 0) : formatIPv6(key, 0)
  const left = expiresMs ?? timeoutMs
  return [left === undefined ? { element } : { element, seconds: left / 1000 }]
}

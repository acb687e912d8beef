/**
 * A firewall in memory, as far as the daemon looks at one: named sets with sizes and times, chains with hooks, rules with handles,
 * and transactions that are done whole or not at all. Other programs change it, too, and it can refuse and lack what a kernel
 * can. What rules do is tested in the kernel; test/system/firewall.test.ts takes both through the same changes.
 */
import type { Change, Firewall, ListedElement, TableView } from '../../src/arm/firewall.ts'
import { parseAddress } from '../../src/terms/address.ts'
import { addressKey } from '../../src/terms/address-bytes.ts'
import { prefixesOf } from '../../src/terms/prefix-set.ts'
import { readNft } from './fake-nft.ts'
import { addTo, type FakeTable, fakeTable, textOf } from './fake-table.ts'

export interface Lacking {
  readonly queue?: boolean
  readonly log?: boolean
  readonly socket?: boolean
  readonly fib?: boolean
  readonly counter?: boolean
  readonly ingress?: boolean
}

/** What the kernel is asked for: changes, or the text of a ruleset. */
export type Asked = readonly Change[] | string

export interface FakeFirewall extends Firewall {
  /** The elements of a set, as text, with the seconds they have left. Throws when there is no such set. */
  elementsOf(set: string): Map<string, number | undefined>
  /** The rulesets that were loaded, oldest first. */
  readonly loaded: string[]
  /** The sets that were read whole. */
  readonly wasRead: string[]
  /** The changes that were made, transaction by transaction, without rulesets. */
  readonly transactions: (readonly Change[])[]
  /** From now on the kernel refuses whatever this is true of, until it is disposed of. */
  refuse(isRefused: (asked: Asked) => boolean, error?: Error): Disposable
  /** What other programs do. */
  readonly others: {
    /** `nft flush ruleset`. */
    flushRuleset(): void
    add(set: string, element: string, seconds?: number): void
    delete(set: string, element: string): void
    /** So many packets that meet this element. */
    send(element: string, packets: number): void
    /** Deletes the rules of a chain, and nothing else. */
    flushChain(chain: string): void
    load(ruleset: string): void
  }
}

export interface FakeOptions {
  readonly lacking?: Lacking
  /** What is there before. */
  readonly theirs?: Partial<TableView>
  /** Milliseconds by which elements end; without, time stands still. */
  readonly now?: () => number
}

export function fakeFirewall({ lacking = {}, theirs = {}, now = () => 0 }: FakeOptions = {}): FakeFirewall {
  const table = fakeTable(theirs, now)
  const loaded: string[] = []
  const wasRead: string[] = []
  const transactions: (readonly Change[])[] = []
  const counted = new Map<string, number>()
  const refusals = new Set<{ isRefused: (asked: Asked) => boolean; error: Error }>()

  function obey(asked: Asked): void {
    for (const { isRefused, error } of refusals) if (isRefused(asked)) throw error
  }

  function listed(name: string): ListedElement[] {
    if (!table.hasSet(name)) return []
    return [...table.set(name).entries()].flatMap(([text, expires]) => {
      const element = parseAddress(text)
      if (element === undefined) return []
      const one = { element, expires }
      return [table.set(name).counter ? { ...one, packets: counted.get(element) ?? 0 } : one]
    })
  }

  const load = (ruleset: string) => table.transaction(() => readNft(ruleset, table))
  return {
    wasRead,
    loaded,
    transactions,
    load(ruleset) {
      obey(ruleset)
      load(ruleset)
      loaded.push(ruleset)
    },
    change(changes) {
      obey(changes)
      table.transaction(() => {
        for (const change of changes) apply(change, table)
      })
      for (const change of changes)
        if (change.change === 'remove')
          for (const { element } of change.elements) counted.delete(textOf(element))
      transactions.push(changes)
    },
    take(set, elements) {
      obey([{ change: 'remove', set, elements: elements.map(element => ({ element })) }])
      if (!table.hasSet(set)) return []
      return [...new Set(elements)].filter(element => {
        const isThere = table.set(set).has(element)
        table.set(set).delete(element)
        return isThere
      })
    },
    takeOut() {},
    ask: (set, elements) => listed(set).filter(({ element }) => elements.includes(element)),
    first: (set, most) => listed(set).slice(0, most),
    ports: (set, most) =>
      (table.hasSet(set) ? [...table.set(set).entries()] : []).slice(0, most).map(([text, expires]) => {
        const [protocol = 0, port = 0] = text.split(',').map(Number)
        return { port: [protocol, port], expires }
      }),
    async read(set, isWanted = () => true) {
      wasRead.push(set)
      return listed(set).filter(({ element }) => isWanted(addressKey(element)))
    },
    look: () => table.look(),
    supports: statement => !lacking[statement],
    elementsOf: name => new Map(table.set(name).entries()),
    refuse(isRefused, error = new Error('the kernel refuses')) {
      const refusal = { isRefused, error }
      refusals.add(refusal)
      return { [Symbol.dispose]: () => void refusals.delete(refusal) }
    },
    others: {
      flushRuleset: () => table.delete(),
      add: (set, element, seconds) => addTo(table.set(set), { element: element as never, seconds }),
      delete: (set, element) => table.set(set).delete(element),
      send: (element, packets) => void counted.set(element, (counted.get(element) ?? 0) + packets),
      flushChain: chain => table.flushChain(chain),
      load,
    },
  }
}

function apply(change: Change, table: FakeTable): void {
  switch (change.change) {
    case 'add':
      for (const element of change.elements) addTo(table.set(change.set), element)
      return
    case 'remove':
      for (const { element } of change.elements) table.set(change.set).delete(textOf(element))
      return
    case 'empty':
      table.set(change.set).clear()
      return
    case 'exchange':
      for (const { text } of prefixesOf(change.gone, change.family)) {
        if (!table.set(change.set).has(text)) throw new Error(`${text} is not in ${change.set}`)
        table.set(change.set).delete(text)
      }
      for (const { text } of prefixesOf(change.come, change.family)) {
        addTo(table.set(change.set), { element: text as never })
      }
      return
    case 'delete-set':
      table.deleteSet(change.set)
      return
    case 'flush-chain':
      table.flushChain(change.chain)
      return
    case 'delete-chain':
      table.deleteChain(change.chain)
      return
    case 'rename-chain':
      throw new Error('no chain of the fake has another name')
    case 'append-jump':
      table.append(change.chain, {
        comment: change.comment,
        targets: [change.to],
        sets: [],
        isBareJump: true,
      })
      return
    case 'delete-rule':
      table.deleteRule(change.chain, change.handle)
      return
    case 'delete-table':
      table.delete()
  }
}

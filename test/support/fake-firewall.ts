/**
 * A firewall in memory: it keeps tables, sets, chains and rules as far as the stages look at them, and can lack
 * what a kernel can lack. Rulesets are read only as far as their names go; what rules do is tested in the kernel.
 */
import type { Change, Firewall, ListedElement, RuleView, SetView, TableView } from '../../src/arm/firewall.ts'
import type { Address } from '../../src/terms/address.ts'
import { addressKey } from '../../src/terms/address-bytes.ts'

export interface Lacking {
  readonly queue?: boolean
  readonly log?: boolean
  readonly socket?: boolean
}

export interface FakeFirewall extends Firewall {
  /** The elements of a set, as text, with their seconds. */
  elementsOf(set: string): Map<string, number | undefined>
  readonly loaded: string[]
  /** The sets that were read whole. */
  readonly wasRead: string[]
}

export function fakeFirewall(lacking: Lacking = {}, theirs: Partial<TableView> = {}): FakeFirewall {
  const sets = new Map<string, SetView & { readonly elements: Map<string, number | undefined> }>()
  const chains = new Map((theirs.chains ?? []).map(chain => [chain.name, chain]))
  let rules: RuleView[] = [...(theirs.rules ?? [])]
  let exists = theirs.chains !== undefined
  let handle = 100
  const loaded: string[] = []
  const read: string[] = []

  const listed = (set: string): ListedElement[] =>
    [...(sets.get(set)?.elements ?? [])].map(([element, expires]) => ({
      element: element as Address,
      expires,
    }))

  const setOf = (name: string) => {
    const set = sets.get(name)
    if (set === undefined) throw new Error(`no set ${name}`)
    return set
  }

  function load(ruleset: string): void {
    loaded.push(ruleset)
    exists = true
    for (const [, name] of ruleset.matchAll(/^delete set inet filter (\w+)/gm)) sets.delete(name!)
    for (const [, name, body] of ruleset.matchAll(/^\tset (\w+) \{\n([^}]*)\}/gm)) {
      const size = /size (\d+)/.exec(body!)?.[1]
      const flags = /flags (.*)/.exec(body!)?.[1]?.split(', ') ?? []
      if (!sets.has(name!))
        sets.set(name!, {
          name: name!,
          size: size === undefined ? undefined : Number(size),
          flags,
          elements: new Map(),
        })
    }
    for (const [, name, hook] of ruleset.matchAll(/^\tchain (\w+) \{(?:\n\t\ttype \w+ hook (\w+))?/gm)) {
      if (!chains.has(name!)) chains.set(name!, { name: name!, hook })
    }
    for (const [, name] of ruleset.matchAll(/^delete chain inet filter (\w+)/gm)) chains.delete(name!)
  }

  function apply(change: Change): void {
    switch (change.change) {
      case 'add':
        for (const { element, seconds } of change.elements) {
          const { elements } = setOf(change.set)
          const key = textOf(element)
          if (!elements.has(key)) elements.set(key, seconds)
        }
        return
      case 'remove':
        for (const { element } of change.elements) setOf(change.set).elements.delete(textOf(element))
        return
      case 'empty':
        setOf(change.set).elements.clear()
        return
      case 'delete-set':
        sets.delete(change.set)
        return
      case 'flush-chain':
        rules = rules.filter(rule => rule.chain !== change.chain)
        return
      case 'delete-chain':
        if (rules.some(rule => rule.targets.includes(change.chain)))
          throw new Error(`${change.chain} is busy`)
        chains.delete(change.chain)
        return
      case 'append-jump':
        rules.push({
          chain: change.chain,
          handle: handle++,
          comment: change.comment,
          targets: [change.to],
          sets: [],
        })
        return
      case 'delete-rule':
        rules = rules.filter(rule => rule.handle !== change.handle)
        return
      case 'delete-table':
        exists = false
        sets.clear()
        chains.clear()
        rules = []
    }
  }

  return {
    loaded,
    load,
    change: changes => changes.forEach(apply),
    take: (set, elements) => elements.filter(element => sets.get(set)?.elements.delete(element)),
    ask: (set, elements) => listed(set).filter(({ element }) => elements.includes(element)),
    first: (set, most) => listed(set).slice(0, most),
    async read(set, isWanted = () => true) {
      read.push(set)
      return listed(set).filter(({ element }) => isWanted(addressKey(element)))
    },
    look: () =>
      exists
        ? {
            chains: [...chains.values()],
            sets: [...sets.values()],
            rules,
            others: theirs.others ?? [],
            mapTargets: theirs.mapTargets ?? [],
          }
        : undefined,
    supports: statement => !lacking[statement],
    elementsOf: set => setOf(set).elements,
    wasRead: read,
  }
}

function textOf(element: unknown): string {
  return typeof element === 'object' && element !== null && 'text' in element
    ? String(element.text)
    : String(element)
}

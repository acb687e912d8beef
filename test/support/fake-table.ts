/** `table inet filter` in memory: sets, chains and rules, each with the handle of a kernel, and a way back from what was begun. */
import {
  type ChainView,
  type Element,
  type RuleView,
  SetFull,
  type SetView,
  type TableView,
} from '../../src/arm/firewall.ts'
import { overlaps, type Prefix, parsePrefix } from '../../src/terms/address.ts'

export interface FakeSet extends Omit<SetView, 'handle'> {
  readonly handle: number
  /** Seconds that an element has which says none. */
  readonly timeout?: number | undefined
  has(element: string): boolean
  /** With the seconds that each has left. */
  entries(): IterableIterator<[string, number | undefined]>
  isFull(): boolean
  put(element: string, seconds: number | undefined): void
  delete(element: string): void
  clear(): void
}

export interface FakeTable {
  /** Does all of it, or nothing when it throws. */
  transaction(act: () => void): void
  look(): TableView | undefined
  /** Makes the table where there is none. */
  declare(): void
  /** Deletes the table. */
  delete(): void
  /** Throws when there is no such set. */
  set(name: string): FakeSet
  hasSet(name: string): boolean
  declareSet(set: Omit<SetView, 'handle'> & { readonly timeout?: number | undefined }): void
  deleteSet(name: string): void
  declareChain(chain: ChainView): void
  flushChain(name: string): void
  deleteChain(name: string): void
  append(chain: string, rule: Omit<RuleView, 'chain' | 'handle'>): void
  deleteRule(chain: string, handle: number): void
}

export function fakeTable(theirs: Partial<TableView>, now: () => number): FakeTable {
  const sets = new Map<string, FakeSet>()
  const chains = new Map<string, ChainView>((theirs.chains ?? []).map(chain => [chain.name, chain]))
  let rules: readonly RuleView[] = theirs.rules ?? []
  let handles = 100
  let table = theirs.chains === undefined ? undefined : handles++
  let undo: (() => void)[] = []

  /** How to take back what is done next. */
  const remember = (back: () => void) => void undo.push(back)
  const restoring = <T>(map: Map<string, T>, name: string) => {
    const before = map.get(name)
    remember(() => (before === undefined ? map.delete(name) : map.set(name, before)))
  }

  function setRules(next: readonly RuleView[]): void {
    const before = rules
    remember(() => {
      rules = before
    })
    rules = next
  }

  function setTable(next: number | undefined): void {
    const before = table
    remember(() => {
      table = before
    })
    table = next
  }

  function set(name: string): FakeSet {
    const found = sets.get(name)
    if (found === undefined) throw new Error(`no set ${name}`)
    return found
  }

  function chain(name: string): void {
    if (!chains.has(name)) throw new Error(`no chain ${name}`)
  }

  function refuseBusy(name: string, refersTo: (rule: RuleView) => boolean): void {
    if (rules.some(refersTo)) throw new Error(`${name} is busy`)
  }

  function remove<T>(map: Map<string, T>, name: string): void {
    restoring(map, name)
    map.delete(name)
  }

  return {
    transaction(act) {
      undo = []
      try {
        act()
      } catch (error) {
        for (const back of undo.reverse()) back()
        throw error
      }
    },
    look: () =>
      table === undefined
        ? undefined
        : {
            handle: table,
            flags: theirs.flags ?? [],
            chains: [...chains.values()],
            sets: [...sets.values()].map(({ name, size, flags, counter, handle, timeout }) => ({
              name,
              size,
              flags,
              counter,
              handle,
              timeout,
            })),
            rules,
            others: theirs.others ?? [],
            mapTargets: theirs.mapTargets ?? [],
          },
    declare() {
      if (table === undefined) setTable(handles++)
    },
    delete() {
      for (const name of [...sets.keys()]) remove(sets, name)
      for (const name of [...chains.keys()]) remove(chains, name)
      setRules([])
      setTable(undefined)
    },
    set,
    hasSet: name => sets.has(name),
    declareSet(wanted) {
      const there = sets.get(wanted.name)
      if (there !== undefined && there.counter !== wanted.counter) throw new Error('File exists')
      if (there !== undefined) return
      restoring(sets, wanted.name)
      sets.set(wanted.name, fakeSet({ ...wanted, handle: handles++ }, now, remember))
    },
    deleteSet(name) {
      set(name)
      refuseBusy(name, ({ sets }) => sets.includes(name))
      remove(sets, name)
    },
    declareChain(wanted) {
      if (chains.has(wanted.name)) return
      restoring(chains, wanted.name)
      chains.set(wanted.name, wanted)
    },
    flushChain(name) {
      chain(name)
      setRules(rules.filter(rule => rule.chain !== name))
    },
    deleteChain(name) {
      chain(name)
      refuseBusy(name, ({ chain, targets }) => chain !== name && targets.includes(name))
      setRules(rules.filter(rule => rule.chain !== name))
      remove(chains, name)
    },
    append(where, rule) {
      chain(where)
      for (const target of rule.targets) chain(target)
      for (const name of rule.sets) set(name)
      setRules([...rules, { ...rule, chain: where, handle: handles++ }])
    },
    deleteRule(where, handle) {
      chain(where)
      if (!rules.some(rule => rule.chain === where && rule.handle === handle))
        throw new Error(`no rule ${handle} in ${where}`)
      setRules(rules.filter(rule => rule.handle !== handle))
    },
  }
}

function fakeSet(
  set: SetView & { readonly handle: number; readonly timeout?: number | undefined },
  now: () => number,
  remember: (back: () => void) => void,
): FakeSet {
  /** Until when each stays, in milliseconds. */
  const elements = new Map<string, number>()
  let firstToEnd = Number.POSITIVE_INFINITY

  function living(): Map<string, number> {
    if (firstToEnd > now()) return elements
    firstToEnd = Number.POSITIVE_INFINITY
    for (const [element, until] of elements)
      if (until <= now()) elements.delete(element)
      else firstToEnd = Math.min(firstToEnd, until)
    return elements
  }

  function putUntil(element: string, until: number): void {
    elements.set(element, until)
    firstToEnd = Math.min(firstToEnd, until)
  }

  function put(element: string, seconds: number | undefined): void {
    remember(() => elements.delete(element))
    putUntil(element, seconds === undefined ? Number.POSITIVE_INFINITY : now() + seconds * 1000)
  }

  function* entries(): Generator<[string, number | undefined]> {
    for (const [element, until] of living())
      yield [element, until === Number.POSITIVE_INFINITY ? undefined : Math.round((until - now()) / 1000)]
  }

  return {
    ...set,
    has: element => living().has(element),
    entries,
    isFull: () => living().size >= (set.size ?? Number.POSITIVE_INFINITY),
    put,
    delete(element) {
      const until = living().get(element)
      if (until === undefined) return
      remember(() => putUntil(element, until))
      elements.delete(element)
    },
    clear() {
      const before = [...elements]
      remember(() => {
        for (const [element, until] of before) putUntil(element, until)
      })
      elements.clear()
    },
  }
}

/** An address, a prefix, an index, or the parts of a concatenation, as text. */
export function textOf(element: unknown): string {
  if (typeof element !== 'object' || element === null) return String(element)
  return String('text' in element ? element.text : 'interface' in element ? element.interface : element)
}

/** To add what is there changes nothing, not even its time: as kernels before 6.12 do it. */
export function addTo(set: FakeSet, { element, seconds }: Element): void {
  const text = textOf(element)
  if (set.has(text)) return
  if (seconds !== undefined && !set.flags.includes('timeout')) throw new Error(`${set.name} takes no times`)
  if (set.flags.includes('interval')) {
    const wanted = prefixOf(text)
    const other = [...set.entries()].find(([there]) => overlaps(prefixOf(there), wanted))
    if (other !== undefined) throw new Error(`${text} overlaps ${other[0]} in ${set.name}`)
  }
  if (set.isFull()) throw new SetFull()
  set.put(text, seconds ?? set.timeout)
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new Error(`${text} is no address or prefix`)
  return prefix
}

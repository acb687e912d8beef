/** The firewall port of arm/ over libnftables: changes become commands, listings become views. */
import type { Change, Element, ElementValue, Firewall, RuleView, TableView } from '../arm/firewall.ts'
import { TABLE } from '../arm/names.ts'
import { openAddressSets } from './address-sets.ts'
import { readText } from './files.ts'
import { noPermission, withFailure } from './firewall-failure.ts'
import { halves } from './halves.ts'
import { liveTable } from './live-table.ts'
import {
  type Command,
  forget,
  type Listed,
  type NewElement,
  type Nftables,
  NftablesError,
  openNftables,
  type Value,
} from './nftables-json/index.ts'

const IN_TABLE = { family: TABLE.family, table: TABLE.name } as const
/** A table that is only checked, never loaded. */
const PROBE = 'flypaper_probe'
const PROBES = {
  queue: 'queue num 1',
  log: 'log group 1',
  socket: 'socket wildcard 0 accept',
} as const

/** Throws a Failure: 77 without CAP_NET_ADMIN, 69 without libnftables. */
export function openFirewall(options: { library?: string } = {}): Firewall & Disposable {
  // Asked first, since libnftables would write to standard error by itself.
  if (!hasNetAdmin()) throw noPermission()
  using opening = new DisposableStack()
  const nft = opening.use(withFailure(() => openNftables(options)))
  const addressSets = opening.use(withFailure(openAddressSets))
  const opened = opening.move()
  const run = (changes: readonly Change[]) => {
    const isOfInterfaces = (change: Change) =>
      (change.change === 'add' || change.change === 'empty') && change.set === 'flypaper_outside'
    addressSets.setInterfaces(changes.filter(isOfInterfaces))
    const rest = changes.filter(change => !isOfInterfaces(change))
    if (!addressSets.change(rest)) nft.run(rest.flatMap(commandsOf))
  }
  return {
    load: ruleset => withFailure(() => nft.load(ruleset)),
    change: changes => withFailure(() => change(run, changes)),
    take: (set, elements) => withFailure(() => addressSets.take(set, elements)),
    takeOut: (set, keys) => withFailure(() => addressSets.takeOut(set, keys)),
    ask: (set, elements) => withFailure(() => addressSets.ask(set, elements)),
    first: (set, most) => withFailure(() => addressSets.first(set, most)),
    read: (set, isWanted) => addressSets.read(set, isWanted),
    look: () => withFailure(() => lookAt(nft)),
    supports: statement => withFailure(() => isSupported(nft, PROBES[statement])),
    [Symbol.dispose]: () => opened.dispose(),
  }
}

/** In one transaction, or in several when it is too large for one. */
function change(run: (changes: readonly Change[]) => void, changes: readonly Change[]): void {
  try {
    run(changes)
  } catch (error) {
    const code = error instanceof NftablesError ? error.code : undefined
    const smaller = code === 'too-large' ? halves(changes) : undefined
    if (smaller === undefined) throw error
    for (const part of smaller) change(run, part)
  }
}

function commandsOf(change: Change): Command[] {
  switch (change.change) {
    case 'add':
      if (change.elements.length === 0) return []
      return [{ add: { element: { ...setId(change.set), elem: change.elements.map(newElement) } } }]
    case 'remove':
      return forget(setId(change.set), change.elements.map(newElement))
    case 'empty':
      return [{ flush: { set: setId(change.set) } }]
    case 'delete-set':
      return [{ delete: { set: setId(change.set) } }]
    case 'flush-chain':
      return [{ flush: { chain: { ...IN_TABLE, name: change.chain } } }]
    case 'delete-chain':
      return [{ delete: { chain: { ...IN_TABLE, name: change.chain } } }]
    case 'rename-chain':
      return [{ rename: { chain: { ...IN_TABLE, name: change.chain, newname: change.to } } }]
    case 'append-jump': {
      const expr = [{ jump: { target: change.to } }]
      return [{ add: { rule: { ...IN_TABLE, chain: change.chain, comment: change.comment, expr } } }]
    }
    case 'delete-rule':
      return [{ delete: { rule: { ...IN_TABLE, chain: change.chain, handle: change.handle } } }]
    case 'delete-table':
      return [{ delete: { table: TABLE } }]
  }
}

function setId(name: string) {
  return { ...IN_TABLE, name }
}

function newElement({ element, seconds }: Element): NewElement {
  const val = elementValue(element)
  return seconds === undefined ? val : { elem: { val, timeout: seconds } }
}

function elementValue(element: ElementValue): Value {
  if (typeof element === 'string' || typeof element === 'number') return element
  if ('interface' in element) throw new TypeError('the names of interfaces go by nfnetlink')
  if (!('text' in element)) return { concat: [...element] }
  const [addr] = element.text.split('/')
  return element.text.includes('/') ? { prefix: { addr: addr!, len: element.length } } : addr!
}

function lookAt(nft: Nftables): TableView | undefined {
  const objects = objectsOf(nft)
  if (objects === undefined) return undefined
  const view = viewOf(objects, mapTargets(nft, objects))
  // What libnftables 1.0.6 does not tell: whether the table sleeps, and which sets rules may change.
  const live = liveTable([])
  const flags = new Map(live?.sets.map(({ name, flags }) => [name, flags]))
  return {
    ...view,
    flags: live?.isDormant ? ['dormant'] : [],
    sets: view.sets.map(set => ({ ...set, flags: flags.get(set.name) ?? set.flags })),
  }
}

function objectsOf(nft: Nftables): readonly Listed[] | undefined {
  try {
    return nft.listTable(TABLE.family, TABLE.name)
  } catch (error) {
    if (error instanceof NftablesError && error.code === 'missing') return undefined
    throw error
  }
}

/** What verdict maps jump to, by the name of the map: a listing of the table has maps without their elements. */
type MapTargets = ReadonlyMap<string, readonly string[]>

function mapTargets(nft: Nftables, objects: readonly Listed[]): MapTargets {
  const maps = objects.filter(object => object.kind === 'map').filter(({ map }) => map === 'verdict')
  return new Map(maps.map(({ name }) => [name, targetsIn(nft.listMap(TABLE.family, TABLE.name, name))]))
}

/** Wherever they stand: in a jump, or among the verdicts of a map. */
function targetsIn(listed: unknown): string[] {
  const found = JSON.stringify(listed).matchAll(/"(?:jump|goto)":\{"target":"([^"]+)"/g)
  return [...found].map(([, name]) => name!)
}

function viewOf(objects: readonly Listed[], maps: MapTargets): TableView {
  const chains = objects.filter(object => object.kind === 'chain')
  const sets = objects.filter(object => object.kind === 'set')
  const rules = objects.filter(object => object.kind === 'rule')
  return {
    chains: chains.map(({ name, hook, prio: priority, policy }) => ({ name, hook, priority, policy })),
    handle: objects.find(object => object.kind === 'table')?.handle,
    sets: sets.map(({ name, type, size, flags, handle }) => ({
      name,
      type: typeText(type),
      size,
      flags: flags ?? [],
      handle,
    })),
    rules: rules.map(rule => ruleOf(rule, maps)),
    mapTargets: [...maps.values()].flat(),
    others: objects
      .filter(({ kind }) => kind === 'map' || kind === 'other')
      .map(object => String('name' in object ? object.name : '')),
  }
}

/** `ipv4_addr . inet_service` for a concatenation; undefined where a later version lists an expression. */
export function typeText(type: unknown): string | undefined {
  return typeof type === 'string' ? type : Array.isArray(type) ? type.join(' . ') : undefined
}

function ruleOf({ chain, handle, comment, expr }: Listed & { kind: 'rule' }, maps: MapTargets): RuleView {
  const statements = expr as readonly ListedStatement[]
  const sets = [...JSON.stringify(expr).matchAll(/"@([^"]+)"/g)].map(([, name]) => name!)
  const queue = statements.find(statement => typeof statement.queue?.num === 'number')?.queue?.num as
    | number
    | undefined
  const counter = statements.find(statement => typeof statement.counter?.packets === 'number')?.counter
  const log = statements.find(statement => statement.log?.group !== undefined)?.log?.group
  return {
    chain,
    handle,
    comment,
    targets: [...targetsIn(expr), ...sets.flatMap(name => maps.get(name) ?? [])],
    sets,
    packets: counter?.packets,
    isBareJump: statements.length === 1 && statements[0]?.jump !== undefined,
    handsOver:
      queue !== undefined
        ? { kind: 'queue', number: queue }
        : log !== undefined
          ? { kind: 'log', number: log }
          : undefined,
  }
}

/** The statements that we look at, as libnftables-json(5) lists them. */
interface ListedStatement {
  readonly queue?: { readonly num?: unknown }
  readonly log?: { readonly group?: number } | null
  readonly counter?: { readonly packets?: number } | null
  readonly jump?: { readonly target: string }
}

function isSupported(nft: Nftables, statement: string): boolean {
  const chain = 'chain probe { type filter hook input priority 0; policy accept;'
  try {
    nft.check(`table inet ${PROBE} {\n${chain}\n${statement}\n}\n}\n`)
    return true
  } catch (error) {
    if (error instanceof NftablesError && (error.code === 'missing' || error.code === 'unsupported'))
      return false
    throw error
  }
}

/** Number of the capability in linux/capability.h; the effective ones are a line of proc_pid_status(5). */
const CAP_NET_ADMIN = 12n

function hasNetAdmin(): boolean {
  const status = readText('/proc/self/status')
  const effective = 'text' in status ? /^CapEff:\s*([0-9a-f]+)/m.exec(status.text)?.[1] : undefined
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

/**
 * Port knocking by somebody's rules: a rule on the way of closed ports remembers a source, and another one lets in who is remembered. Read
 * from the rules as far as they can be: nf_tables sets, and of iptables the match recent and the target SET, whose names are not told.
 */
import { isOurs } from '../arm/names.ts'
import type { SilentPort } from '../settings/settings.ts'
import { isRefusal, portsIn, portsOf, statementsOf, targetsOf } from './rules.ts'
import type { Chain, InTable, Rule, Ruleset } from './ruleset.ts'

export interface Knocking {
  /** Tables: `inet filter`. */
  readonly tables: readonly string[]
  /** Where to knock. */
  readonly ports: readonly SilentPort[]
  /** Chains with rules whose ports cannot be read: named sets, iptables' multiport, no port at all. */
  readonly unread: readonly string[]
  /** Some knocks go on to the end of the chain, where a jump to the trap may stand. */
  readonly goesOn: boolean
}

/** More than these are no knocks that anybody remembers. */
const PORTS_MAX = 64
/** The hooks of what comes in; whom this machine or a network translates is no knocker. */
const HOOKS = ['prerouting', 'input', 'forward']
const NAT_PRIORITY = -100

export function knockingOf({ chains, rules }: Ruleset): Knocking | undefined {
  const theirs = rules.filter(({ chain }) => !isOurs(chain))
  const tables = new Map<string, Rule[]>()
  for (const rule of theirs.filter(rule => memoriesOf(rule).length > 0)) {
    const name = nameOf(rule)
    tables.set(name, [...(tables.get(name) ?? []), rule])
  }
  const found = [...tables].flatMap(([name, remembering]) => {
    const isHere = (it: InTable) => nameOf(it) === name
    const table = { chains: chains.filter(isHere), rules: theirs.filter(isHere) }
    const knocks = remembering
      .filter(rule => memoriesOf(rule).some(memory => opens(memory, table, new Set())))
      .map(rule => ({ rule, at: doorOf(rule, table, new Set()) }))
      .filter(({ at }) => at.isAny || at.ports.length > 0)
    return knocks.length === 0 ? [] : { name, knocks }
  })
  if (found.length === 0) return undefined
  const knocks = found.flatMap(({ knocks }) => knocks)
  const ports = [
    ...new Map(knocks.flatMap(({ at }) => at.ports).map(port => [portText(port), port])).values(),
  ]
  const isTooMany = ports.length > PORTS_MAX
  return {
    tables: found.map(({ name }) => name),
    ports: isTooMany ? [] : ports,
    unread: [...new Set(knocks.filter(({ at }) => at.isAny || isTooMany).map(({ rule }) => rule.chain))],
    goesOn: knocks.some(({ rule }) => !/"(?:accept|drop|reject|goto)":/.test(JSON.stringify(rule.expr))),
  }
}

/** As `silent` in the settings has it. */
export function portText({ protocol, first, last }: SilentPort): string {
  return `${protocol}/${first}${last === first ? '' : `-${last}`}`
}

type Table = Pick<Ruleset, 'chains' | 'rules'>

function nameOf({ family, table }: InTable): string {
  return `${family} ${table}`
}

/** Where it remembers sources: the names of sets, and what iptables calls its own. A limit on each source is no memory. */
function memoriesOf(rule: Rule): readonly string[] {
  const names = statementsOf(rule)
  const sets = rule.expr.flatMap(statement => {
    const { set } = statement as { set?: { op: string; set: string; elem: unknown; stmt?: unknown } }
    if (typeof set?.set !== 'string' || !['add', 'update'].includes(set.op)) return []
    return isOfSource(set.elem) && !/"(?:limit|ct count)":/.test(JSON.stringify(set.stmt ?? []))
      ? set.set
      : []
  })
  return [
    ...sets,
    ...(names.includes('SET') ? ['xt set'] : []),
    ...(names.includes('recent') ? ['xt recent'] : []),
  ]
}

function isOfSource(expression: unknown): boolean {
  return JSON.stringify(expression)?.includes('"field":"saddr"') ?? false
}

/** Whether who is in this memory is let in somewhere, or further; who is only refused is no knocker. */
function opens(memory: string, table: Table, seen: Set<string>): boolean {
  if (seen.has(memory)) return false
  seen.add(memory)
  return table.rules.some(rule => {
    const asked = asksOf(rule, memory)
    if (asked === 'absent') return isRefusal(rule)
    if (asked === undefined) return false
    return letsIn(rule, table, new Set()) || memoriesOf(rule).some(next => opens(next, table, seen))
  })
}

function asksOf(rule: Rule, memory: string): 'present' | 'absent' | undefined {
  if (memory.startsWith('xt ')) return statementsOf(rule).includes(memory.slice(3)) ? 'present' : undefined
  for (const statement of rule.expr) {
    const { match } = statement as { match?: { op: string; left: unknown; right: unknown } }
    if (match?.right === memory && isOfSource(match.left)) return match.op === '!=' ? 'absent' : 'present'
  }
  return undefined
}

/** It accepts, or leads to a chain that accepts something. */
function letsIn(rule: Rule, table: Table, seen: Set<string>): boolean {
  if (/"accept":/.test(JSON.stringify(rule.expr))) return true
  return targetsOf(rule).some(chain => {
    if (seen.has(chain)) return false
    seen.add(chain)
    return table.rules.some(next => next.chain === chain && letsIn(next, table, seen))
  })
}

interface Door {
  readonly ports: readonly SilentPort[]
  /** It may be any port. */
  readonly isAny: boolean
}

const NOWHERE: Door = { ports: [], isAny: false }

/** The ports of what comes in to this rule: those that it asks for, else those by which its chain is entered. */
function doorOf(rule: Rule, table: Table, seen: Set<string>): Door {
  if (/"protocol":"icmp(?:v6)?"|"right":"(?:ipv6-)?icmp/.test(JSON.stringify(rule.expr))) return NOWHERE
  const entered = doorOfChain(rule, table, seen)
  const own = portsOf(rule)
  const isReached = entered.isAny || entered.ports.length > 0
  return isReached && own.length > 0 ? doorIn(own) : entered
}

function doorOfChain({ chain }: Rule, table: Table, seen: Set<string>): Door {
  if (seen.has(chain)) return NOWHERE
  seen.add(chain)
  if (table.chains.some(base => base.name === chain && isEntered(base))) return { ports: [], isAny: true }
  const doors = table.rules
    .filter(rule => targetsOf(rule).includes(chain))
    .map(rule => {
      const mapped = portsOfMap(rule, chain)
      return mapped.length > 0 ? doorIn(mapped) : doorOf(rule, table, seen)
    })
  return { ports: doors.flatMap(({ ports }) => ports), isAny: doors.some(({ isAny }) => isAny) }
}

function isEntered({ hook, priority }: Chain): boolean {
  return hook !== undefined && HOOKS.includes(hook) && priority !== NAT_PRIORITY
}

/** The ports that a verdict map sends to this chain: `tcp 7000`. */
function portsOfMap({ expr }: Rule, chain: string): readonly string[] {
  return expr.flatMap(statement => {
    const { vmap } = statement as { vmap?: { key: Key & { concat?: readonly Key[] }; data: MapData } }
    const keys = vmap?.key.concat ?? (vmap === undefined ? [] : [vmap.key])
    const at = keys.findIndex(key => key.payload?.field === 'dport')
    const entries = vmap?.data.set
    if (at < 0 || !Array.isArray(entries)) return []
    return entries
      .filter(([, verdict]) => JSON.stringify(verdict).includes(`"target":"${chain}"`))
      .flatMap(([value]) => portsIn((value as { concat?: unknown[] })?.concat?.[at] ?? value))
      .map(port => `${keys[at]!.payload!.protocol} ${port}`)
  })
}

interface Key {
  readonly payload?: { readonly protocol: string; readonly field: string }
}
interface MapData {
  readonly set?: readonly (readonly [value: unknown, verdict: unknown])[]
}

/** `tcp 22`, `th 60000-61000`. */
function doorIn(ports: readonly string[]): Door {
  const doors = ports.map(text => {
    const [, protocol, first, last = first] = /^(tcp|udp|th) (\d+)(?:-(\d+))?$/.exec(text) ?? []
    if (protocol === undefined) return { ports: [], isAny: true }
    const protocols = protocol === 'th' ? (['tcp', 'udp'] as const) : [protocol as SilentPort['protocol']]
    return {
      ports: protocols.map(protocol => ({ protocol, first: Number(first), last: Number(last) })),
      isAny: false,
    }
  })
  return { ports: doors.flatMap(({ ports }) => ports), isAny: doors.some(({ isAny }) => isAny) }
}

/**
 * Doors that somebody's rules open under a condition which is not in the packet: a rate, a count, a quota, room in a set, the time of day. Who is
 * refused there may have done nothing that others do not do. Read from the rules, so that it is known before anybody was let in.
 */
import { isOurs } from '../arm/names.ts'
import { CONDITIONAL_MAX } from '../arm/ruleset/sets.ts'
import { type ConditionalDoors, NO_CONDITIONAL, type ServedPort } from '../arm/surroundings.ts'
import type { SilentPort } from '../settings/settings.ts'
import { endingOf, isUnconditional, nameOf, portsOf, statementsOf, targetsOf } from './rules.ts'
import type { Chain, InTable, Rule, Ruleset } from './ruleset.ts'
import { ANYWHERE, type Door, doorIn, isOpen, NOWHERE, openWays, portsOfMap, unionOf } from './ways.ts'

/** Only these see what comes in, and have a way to refuse it that we watch. */
const HOOKS = ['input', 'forward']
const FAMILIES = ['ip', 'ip6', 'inet']

export function doorsOf({ chains, rules, limited = [] }: Ruleset): ConditionalDoors {
  const theirs = {
    chains: chains.filter(({ family, name }) => FAMILIES.includes(family) && !isOurs(name)),
    rules: rules.filter(({ family, chain }) => FAMILIES.includes(family) && !isOurs(chain)),
  }
  const written = new Set([...theirs.rules.flatMap(writtenBy), ...limited.map(({ name }) => `@${name}`)])
  const changing = new Set(theirs.rules.filter(rule => isChanging(rule, written)))
  if (changing.size === 0) return NO_CONDITIONAL
  const tables = tablesOf(theirs)
  for (const table of tables) {
    const effects = effectsOf(table)
    for (const rule of table.rules) if (!hasEffect(rule, effects)) changing.delete(rule)
  }
  const found = HOOKS.map(hook => doorAt(hook, tables, changing))
  return expand(found.filter(isOpen))
}

/** The same, and those of the other. */
export function withDoors(doors: ConditionalDoors, more: ConditionalDoors): ConditionalDoors {
  return { ports: new Map([...doors.ports, ...more.ports]), isAny: doors.isAny || more.isAny }
}

export function hasDoors({ ports, isAny }: ConditionalDoors, others: ConditionalDoors): boolean {
  return (isAny || !others.isAny) && [...others.ports.keys()].every(port => ports.has(port))
}

export function isDoor({ ports, isAny }: ConditionalDoors, protocol: number, port: number): boolean {
  return isAny || ports.has(String([protocol, port]))
}

interface TheirTable {
  readonly chains: readonly Chain[]
  readonly rules: readonly Rule[]
}

function tablesOf({ chains, rules }: TheirTable): readonly TheirTable[] {
  const tables = new Map<string, { chains: Chain[]; rules: Rule[] }>()
  const of = (it: InTable) => {
    const name = nameOf(it)
    const table = tables.get(name) ?? { chains: [], rules: [] }
    tables.set(name, table)
    return table
  }
  for (const chain of chains) of(chain).chains.push(chain)
  for (const rule of rules) of(rule).rules.push(rule)
  return [...tables.values()]
}

/** Where both is true: a condition is asked, and somebody is let in. Without a chain that refuses the rest that is anywhere. */
function doorAt(hook: string, tables: readonly TheirTable[], changing: ReadonlySet<Rule>): Door {
  const asked: Door[] = []
  const open: Door[] = []
  let isRestRefused = false
  for (const { chains, rules } of tables) {
    const isEntered = (base: Chain) => base.hook === hook
    const doorOf = openWays({ chains, rules }, isEntered, ANYWHERE)
    asked.push(...rules.filter(rule => changing.has(rule)).map(doorOf))
    if (!chains.some(base => isEntered(base) && refusesRest(base, rules))) continue
    isRestRefused = true
    open.push(...rules.filter(isAccepting).map(rule => acceptedBy(rule, doorOf)))
  }
  const where = unionOf(asked)
  return isOpen(where) ? both(where, isRestRefused ? unionOf(open) : ANYWHERE) : NOWHERE
}

function refusesRest({ name, policy }: Chain, rules: readonly Rule[]): boolean {
  if (policy === 'drop') return true
  return rules.some(rule => rule.chain === name && isUnconditionalRefusal(rule))
}

function isUnconditionalRefusal(rule: Rule): boolean {
  const ending = endingOf(rule)
  if (ending !== undefined) return ending !== 'accept' && isUnconditional(rule)
  return statementsOf(rule).every(name => name === 'REJECT' || name === 'counter') && rule.expr.length > 0
}

/** It lets in who is new: nothing of a connection that lives already, and not this machine talking to itself. */
function isAccepting(rule: Rule): boolean {
  const text = JSON.stringify(rule.expr)
  // What a named map of verdicts says is not read.
  if (!/"accept":|"vmap":.*"data":"@/.test(text)) return false
  const names = statementsOf(rule)
  // iptables does not tell which states it asks for: those that live, where it asks for nothing else.
  if (names.every(name => [...STATES, 'counter', 'comment', 'accept'].includes(name)) && names.some(isState))
    return false
  return !rule.expr.some(statement => {
    const { match } = statement as { match?: { op: string; left: unknown; right: unknown } }
    const left = JSON.stringify(match?.left) ?? ''
    if (match === undefined || match.op === '!=') return false
    if (left === '{"ct":{"key":"state"}}') return !/"(?:new|untracked)"/.test(JSON.stringify(match.right))
    return /^\{"meta":\{"key":"iif(?:name)?"\}\}$/.test(left) && match.right === 'lo'
  })
}

const STATES = ['conntrack', 'state']
const isState = (name: string) => STATES.includes(name)

function acceptedBy(rule: Rule, doorOf: (rule: Rule) => Door): Door {
  const mapped = portsOfMap(rule, verdict => verdict.includes('"accept"'))
  const way = doorOf(rule)
  return isOpen(way) && mapped.length > 0 && portsOf(rule).length === 0 ? doorIn(mapped) : way
}

function both(one: Door, other: Door): Door {
  if (one.isAny) return other
  if (other.isAny) return one
  const ports = one.ports.flatMap(port =>
    other.ports.flatMap(({ protocol, first, last }): SilentPort[] => {
      if (protocol !== port.protocol) return []
      const shared = { protocol, first: Math.max(first, port.first), last: Math.min(last, port.last) }
      return shared.first <= shared.last ? [shared] : []
    }),
  )
  return { ports, isAny: false }
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const

function expand(doors: readonly Door[]): ConditionalDoors {
  const ports = new Map<string, ServedPort>()
  for (const { protocol, first, last } of doors.flatMap(door => door.ports))
    for (let port = first; port <= last; port++) {
      ports.set(String([PROTOCOLS[protocol], port]), [PROTOCOLS[protocol], port])
      if (ports.size > CONDITIONAL_MAX) return { ports: new Map(), isAny: true }
    }
  return doors.some(({ isAny }) => isAny) ? { ports, isAny: true } : { ports, isAny: false }
}

/** What asks for more than the packet has; libnftables-json(5). */
const CHANGING = ['limit', 'quota', 'ct count', 'meter', 'set', 'map']
/** Matches of iptables that ask the packet, its connection or its way; what is not among them may ask for anything. */
export const OF_THE_PACKET = new Set(
  `addrtype ah bpf cgroup comment connbytes connlabel connmark conntrack cpu dccp devgroup dscp dst ecn esp eui64 frag
  hbh helper hl icmp icmp6 icmpv6 iprange ipv6header ipvs l2tp length mac mark mh multiport osf owner physdev pkttype policy
  realm rpfilter rt sctp set socket srh state string tcp tcpmss tos ttl u32 udp`.split(/\s+/),
)
/** Targets of iptables that only tell somebody. */
export const TELLING = new Set(['LOG', 'NFLOG', 'ULOG', 'AUDIT', 'TRACE', 'LED'])

/** Those of iptables, whose names are not told. */
const IPSETS = 'xt set'

/** The sets into which packets put somebody: `@banned`. With these stand those whose elements have limits. */
function writtenBy({ expr }: Rule): readonly string[] {
  return expr.flatMap(statement => {
    const { set, xt } = statement as { set?: { set?: unknown }; xt?: { name?: string } | null }
    if (xt?.name === 'SET') return IPSETS
    return typeof set?.set === 'string' ? [set.set] : []
  })
}

/** Its condition is not in the packet, nor in its connection; `written`: sets whose elements change by packets, as `@banned`. */
export function isChanging({ expr }: Rule, written: ReadonlySet<string>): boolean {
  return expr.some(statement => {
    if (typeof statement !== 'object' || statement === null) return false
    const { match, xt } = statement as {
      match?: { right: unknown }
      xt?: { type?: string; name?: string } | null
    }
    if (match !== undefined) return asksMore(JSON.stringify(match)) || written.has(match.right as string)
    if (xt !== undefined)
      return (
        xt?.type !== 'target' &&
        (!OF_THE_PACKET.has(xt?.name ?? '') || (xt?.name === 'set' && written.has(IPSETS)))
      )
    const { vmap } = statement as { vmap?: { data: unknown } }
    if (written.has(vmap?.data as string)) return true
    return CHANGING.some(name => name in statement) || asksMore(JSON.stringify(statement))
  })
}

function asksMore(text: string): boolean {
  return /"numgen":|"(?:jhash|symhash)":|"meta":\{"key":"(?:time|day|hour|random|cpu)"\}/.test(text)
}

/** Its condition decides over the way of a packet, or over what a later rule sees. */
function hasEffect(rule: Rule, effects: Effects): boolean {
  const ending = endingOf(rule)
  if (ending !== undefined && ending !== 'accept') return !effects.isAtEnd(rule)
  if (ending === 'accept' || doesMore(rule)) return true
  const targets = targetsOf(rule)
  return targets.some(effects.decides) || ('return' in namesOf(rule) && effects.decides(rule.chain))
}

interface Effects {
  /** In this chain, or behind it, something becomes of a packet. */
  decides(chain: string): boolean
  /** What it refuses, the rest of its base chain refuses as well. */
  isAtEnd(rule: Rule): boolean
}

function effectsOf({ chains, rules }: TheirTable): Effects {
  const byChain = Map.groupBy(rules, ({ chain }) => chain)
  const known = new Map<string, boolean>()
  function decides(chain: string): boolean {
    const before = known.get(chain)
    if (before !== undefined) return before
    known.set(chain, false)
    const found = (byChain.get(chain) ?? []).some(
      rule => endingOf(rule) !== undefined || doesMore(rule) || targetsOf(rule).some(decides),
    )
    known.set(chain, found)
    return found
  }
  return {
    decides,
    isAtEnd(rule) {
      const base = chains.find(({ name, hook }) => name === rule.chain && hook !== undefined)
      const all = byChain.get(rule.chain) ?? []
      if (base === undefined || !refusesRest(base, all)) return false
      const later = all.slice(all.indexOf(rule) + 1)
      return !later.some(next => endingOf(next) === 'accept' || targetsOf(next).length > 0 || doesMore(next))
    },
  }
}

/** What changes a packet, or takes it elsewhere; targets of iptables that do not only tell somebody. */
function doesMore(rule: Rule): boolean {
  return rule.expr.some(statement => {
    if (typeof statement !== 'object' || statement === null) return false
    const { xt } = statement as { xt?: { type?: string; name?: string } | null }
    if (xt !== undefined) return xt?.type === 'target' && !TELLING.has(xt.name ?? '')
    return ['vmap', 'mangle', 'queue'].some(name => name in statement)
  })
}

function namesOf({ expr }: Rule): Record<string, unknown> {
  return Object.assign({}, ...expr)
}

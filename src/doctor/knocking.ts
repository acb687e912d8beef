/**
 * Port knocking by somebody's rules: a rule on the way of closed ports remembers a source, and another one lets in who is remembered. Read
 * from the rules as far as they can be: nf_tables sets, and of iptables the match recent and the target SET, whose names are not told.
 */
import { isOurs } from '../arm/names.ts'
import { portText, type SilentPort } from '../settings/settings.ts'
import { isRefusal, nameOf, statementsOf, targetsOf } from './rules.ts'
import type { Chain, InTable, Rule, Ruleset } from './ruleset.ts'
import { openWays, type Table } from './ways.ts'

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
const isEntered = ({ hook, priority }: Chain) =>
  hook !== undefined && HOOKS.includes(hook) && priority !== NAT_PRIORITY

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
    const doorOf = openWays(table, isEntered)
    const knocks = remembering
      .filter(rule => memoriesOf(rule).some(memory => opens(memory, table, new Set())))
      .map(rule => ({ rule, at: doorOf(rule) }))
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

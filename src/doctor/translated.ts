/**
 * Ports at which rules send what comes in elsewhere: DNAT, redirects, TPROXY, node ports of a cluster. No socket of this machine tells of them, so they
 * count as served while their rules are there, and for a while after that: a container that is made anew takes its rule along, and a rule that translates
 * up to a rate, or a part of what comes, leaves the rest at a closed port.
 */
import { isOurs } from '../arm/names.ts'
import type { ServedPort, Whole } from '../arm/surroundings.ts'
import type { SilentPort } from '../settings/settings.ts'
import { parsePrefix } from '../terms/address.ts'
import { isChanging } from './conditional.ts'
import { nameOf, portsOf, statementsOf } from './rules.ts'
import type { Chain, NamedElement, Rule, Ruleset } from './ruleset.ts'
import { type Door, doorIn, isOpen, openWays, portsOfMap } from './ways.ts'

/** Ports that are remembered of the rules, each written once a minute; of the others those are known that were used. */
export const TRANSLATED_MAX = 4096
/** Elements of named sets and maps that a look reads; what stands in further ones is served once it is used. */
export const NAMED_ELEMENTS_MAX = 4096
/** Statements of nft, and targets of iptables. */
const TRANSLATING = ['dnat', 'redirect', 'tproxy', 'DNAT', 'REDIRECT', 'TPROXY']
/** Rules that name no port, of which it is remembered from whom they send everything elsewhere; further ones are forgotten. */
export const WHOLE_MAX = 256
const EVERYBODY = ['0.0.0.0/0', '::/0'].map(text => parsePrefix(text)!)
const FAMILIES = ['ip', 'ip6', 'inet']
const PROTOCOLS = { tcp: 6, udp: 17 } as const

export interface Translated {
  readonly translated: readonly ServedPort[]
  /** The sets and maps whose elements were read for it: `ip nat published`. */
  readonly named: readonly string[]
  /** Rules that name no port. */
  readonly whole: readonly Whole[]
}

export function translatedOf({ chains, rules, elementsOf }: Ruleset): Translated {
  const theirs = rules.filter(({ family, chain }) => FAMILIES.includes(family) && !isOurs(chain))
  const found = new Map<string, ServedPort>()
  const whole: Whole[] = []
  const { named, opened } = openNamed(elementsOf ?? (() => []))
  for (const [table, closed] of Map.groupBy(theirs, nameOf)) {
    if (!closed.some(sendsElsewhere)) continue
    const own = closed.map(opened)
    const translating = own.filter(isTranslating)
    const inTable = chains.filter(chain => nameOf(chain) === table)
    const doorOf = openWays({ chains: inTable, rules: own }, isBeforeRouting)
    for (const rule of own.filter(sendsElsewhere))
      if (whole.length < WHOLE_MAX && isOfAnyPort(rule, doorOf)) whole.push(wholeOf(rule))
    for (const rule of translating)
      for (const { protocol, first, last } of portsAt(rule, doorOf))
        for (let port = first; port <= last && found.size < TRANSLATED_MAX; port++)
          found.set(`${protocol} ${port}`, [PROTOCOLS[protocol], port])
  }
  return { translated: [...found.values()], named: [...named.keys()], whole }
}

/** Puts in the place of named sets and maps what stands in them, where the rule asks them for a port: each is read once. */
function openNamed(elementsOf: NonNullable<Ruleset['elementsOf']>) {
  const named = new Map<string, readonly NamedElement[]>()
  let left = NAMED_ELEMENTS_MAX

  function read(name: string, { family, table }: Rule): readonly NamedElement[] {
    const key = `${family} ${table} ${name}`
    const known = named.get(key) ?? elementsOf({ family, table, name }, left)
    if (!named.has(key)) left -= known.length
    named.set(key, known)
    return known
  }

  function opened(rule: Rule): Rule {
    const revive = (_: string, value: unknown): unknown => {
      const { left, right, key, data } = Object(value) as Readonly<Record<string, unknown>>
      const asked = typeof right === 'string' ? right : data
      if (typeof asked !== 'string' || !asked.startsWith('@') || !asksPort(left ?? key)) return value
      const elements = read(asked.slice(1), rule)
      return right === undefined
        ? { ...(value as object), data: { set: elements } }
        : { ...(value as object), right: { set: elements.map(([port]) => port) } }
    }
    return { ...rule, expr: JSON.parse(JSON.stringify(rule.expr), revive) }
  }

  return { named, opened }
}

const asksPort = (left: unknown) => /"field":"dport"/.test(JSON.stringify(left) ?? '')

/** What comes in; what this machine itself sends is translated in the hook output. */
function isBeforeRouting({ hook }: Chain): boolean {
  return hook === 'prerouting'
}

function sendsElsewhere(rule: Rule): boolean {
  return statementsOf(rule).some(name => TRANSLATING.includes(name))
}

/** For everybody: what only some sources are sent to, is shut to the others. */
function isTranslating(rule: Rule): boolean {
  return sendsElsewhere(rule) && sourcesOf(rule) === undefined
}

/** What it asks of the source; undefined when it asks nothing. */
function sourcesOf({ expr }: Rule): readonly unknown[] | undefined {
  const asked = expr.flatMap(statement => {
    const { match } = statement as { match?: { op: string; left: unknown; right: unknown } }
    return match?.op === '==' && /"field":"saddr"/.test(JSON.stringify(match.left)) ? [match.right] : []
  })
  return asked.length === 0 ? undefined : asked
}

function isOfAnyPort(rule: Rule, doorOf: (rule: Rule) => Door): boolean {
  return doorOf(rule).isAny && !asksPort(rule.expr)
}

/** Sources that cannot be told by prefixes are everybody. */
function wholeOf(rule: Rule): Whole {
  const told = (sourcesOf(rule) ?? []).flatMap(
    right => (right as { set?: readonly unknown[] }).set ?? [right],
  )
  const from = told.flatMap(one => {
    const { addr, len } = (one as { prefix?: { addr: string; len: number } }).prefix ?? {}
    return parsePrefix(addr === undefined ? String(one) : `${addr}/${len}`) ?? []
  })
  const isTold = told.length > 0 && from.length === told.length
  return { from: isTold ? from : EVERYBODY, isPartly: isChanging(rule, new Set()) }
}

/** Where the rules name no port there is nothing to remember. */
function portsAt(rule: Rule, doorOf: (rule: Rule) => Door): readonly SilentPort[] {
  const way = doorOf(rule)
  const mapped = isOpen(way) && portsOf(rule).length === 0 ? portsOfTargets(rule) : []
  return (mapped.length > 0 ? doorIn(mapped) : way).ports
}

/** `dnat to tcp dport map { 8080 : 10.0.0.5 }`; as the verdicts of a map are read. */
function portsOfTargets({ expr, ...rule }: Rule): readonly string[] {
  const maps = expr.flatMap(statement => {
    const { dnat, redirect, tproxy } = statement as Readonly<Record<string, Target | undefined>>
    const { addr, port } = dnat ?? redirect ?? tproxy ?? {}
    const map = addr?.map ?? port?.map
    return map === undefined || /"field":"saddr"/.test(JSON.stringify(map)) ? [] : [{ vmap: map }]
  })
  return portsOfMap({ ...rule, expr: maps }, () => true)
}

interface Target {
  readonly addr?: { readonly map?: unknown }
  readonly port?: { readonly map?: unknown }
}

/**
 * Ports at which rules send what comes in elsewhere: DNAT, redirects, TPROXY, node ports of a cluster. No socket of this machine tells of them, so they
 * count as served while their rules are there, and for a while after that: a container that is made anew takes its rule along, and a rule that translates
 * up to a rate, or a part of what comes, leaves the rest at a closed port.
 */
import { isOurs } from '../arm/names.ts'
import type { ServedPort } from '../arm/surroundings.ts'
import type { SilentPort } from '../settings/settings.ts'
import { nameOf, portsIn, portsOf, statementsOf } from './rules.ts'
import type { Chain, Rule, Ruleset } from './ruleset.ts'
import { type Door, doorIn, isOpen, openWays } from './ways.ts'

/** Ports that are remembered of the rules, each written once a minute; of the others those are known that were used. */
export const TRANSLATED_MAX = 4096
/** Statements of nft, and targets of iptables. */
const TRANSLATING = ['dnat', 'redirect', 'tproxy', 'DNAT', 'REDIRECT', 'TPROXY']
const FAMILIES = ['ip', 'ip6', 'inet']
const PROTOCOLS = { tcp: 6, udp: 17 } as const

export function translatedOf({ chains, rules }: Ruleset): readonly ServedPort[] {
  const theirs = rules.filter(({ family, chain }) => FAMILIES.includes(family) && !isOurs(chain))
  const found = new Map<string, ServedPort>()
  for (const [table, own] of Map.groupBy(theirs, nameOf)) {
    const translating = own.filter(isTranslating)
    if (translating.length === 0) continue
    const inTable = chains.filter(chain => nameOf(chain) === table)
    const doorOf = openWays({ chains: inTable, rules: own }, isBeforeRouting)
    for (const rule of translating)
      for (const { protocol, first, last } of portsAt(rule, doorOf))
        for (let port = first; port <= last && found.size < TRANSLATED_MAX; port++)
          found.set(`${protocol} ${port}`, [PROTOCOLS[protocol], port])
  }
  return [...found.values()]
}

/** What comes in; what this machine itself sends is translated in the hook output. */
function isBeforeRouting({ hook }: Chain): boolean {
  return hook === 'prerouting'
}

/** For everybody: what only some sources are sent to, is shut to the others. */
function isTranslating(rule: Rule): boolean {
  if (!statementsOf(rule).some(name => TRANSLATING.includes(name))) return false
  return !rule.expr.some(statement => {
    const { match } = statement as { match?: { op: string; left: unknown } }
    return match?.op === '==' && /"field":"saddr"/.test(JSON.stringify(match.left))
  })
}

/** Where the rules name no port there is nothing to remember. */
function portsAt(rule: Rule, doorOf: (rule: Rule) => Door): readonly SilentPort[] {
  const way = doorOf(rule)
  const mapped = isOpen(way) && portsOf(rule).length === 0 ? portsOfTargets(rule) : []
  return (mapped.length > 0 ? doorIn(mapped) : way).ports
}

/** `dnat to tcp dport map { 8080 : 10.0.0.5 }`. Named maps are not opened. */
function portsOfTargets({ expr }: Rule): readonly string[] {
  return expr.flatMap(statement => {
    const { addr, port } = (statement as { dnat?: { addr?: unknown; port?: unknown } }).dnat ?? {}
    const { map } = (addr ?? port ?? {}) as {
      map?: { key: Key; data: { set?: readonly [unknown, unknown][] } }
    }
    const { protocol, field } = map?.key.payload ?? {}
    if (field !== 'dport' || !Array.isArray(map?.data.set)) return []
    return map.data.set.flatMap(([value]) => portsIn(value)).map(one => `${protocol} ${one}`)
  })
}

interface Key {
  readonly payload?: { readonly protocol: string; readonly field: string }
}

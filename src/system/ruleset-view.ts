/** The rules of everybody, as the doctor wants to see them. */

import { type ListedTable, readPorts, type SetPorts } from 'nfnetlink'
import { type Listed, openNftables } from 'nftables-json'
import { TABLE } from '../arm/names.ts'
import type { Sight } from '../doctor/facts.ts'
import type { NamedElement, Ruleset, Table } from '../doctor/ruleset.ts'
import { isAwake, listAwake } from './awake-tables.ts'
import { openFirewall } from './firewall.ts'
import { withFailure } from './firewall-failure.ts'
import { asNftables } from './netlink-failure.ts'
import { checkReadable } from './readable-sets.ts'

/** Changes nothing. Throws a Failure: 77 without CAP_NET_ADMIN, 69 without libnftables. */
export function seeRuleset(): Sight {
  using firewall = openFirewall() // Says in our words what is missing.
  using nft = openNftables()
  const { tables, objects } = withFailure(() =>
    asNftables(() => {
      checkReadable(nft)
      return listAwake(nft)
    }),
  )
  const ours = firewall.look()?.sets ?? []
  return {
    ruleset: {
      ...rulesetOf(objects),
      elementsOf: (named, most) =>
        withFailure(() => asNftables(() => readPorts(named, most).map(namedElement))),
      tables: tables.filter(isAwake).map(inTable),
      asleep: tables.filter(table => !isAwake(table)).map(inTable),
      sets: ours.map(set => ({ ...set, family: TABLE.family, table: TABLE.name })),
    },
    version: nft.version,
    supports: {
      get queue() {
        return isSupported('queue')
      },
      get log() {
        return isSupported('log')
      },
      get socket() {
        return isSupported('socket')
      },
    },
  }
}

/** Asked when somebody wants to know, since the kernel takes 10 ms to give up a transaction that was only checked. */
function isSupported(statement: keyof Sight['supports']): boolean {
  using firewall = openFirewall()
  return firewall.supports(statement)
}

function namedElement({ parts, target }: SetPorts): NamedElement {
  const values = parts.map(range => ({ range }))
  return [values.length === 1 ? values[0] : { concat: values }, target && { goto: { target } }]
}

function inTable({ family, name, flags }: ListedTable): Table {
  return { family, table: name, flags }
}

/** Without the elements of sets. */
export function rulesetOf(objects: readonly Listed[]): Ruleset {
  return {
    tables: objects.flatMap(it => (it.kind === 'table' ? { family: it.family, table: it.name } : [])),
    chains: objects.flatMap(it => {
      if (it.kind !== 'chain') return []
      const { family, table, name, hook, prio: priority, policy } = it
      return { family, table, name, hook, priority, policy }
    }),
    rules: objects.flatMap(it => {
      if (it.kind !== 'rule') return []
      const { family, table, chain, expr } = it
      return { family, table, chain, expr }
    }),
    flowtables: objects.flatMap(it => {
      if (it.kind !== 'flowtable') return []
      const { family, table, name, prio: priority, dev } = it
      return { family, table, name, priority, devices: dev ?? [] }
    }),
    limited: objects.flatMap(it =>
      (it.kind === 'set' || it.kind === 'map') && isLimited(it)
        ? { family: it.family, table: it.table, name: it.name }
        : [],
    ),
  }
}

/** A counter counts, and decides nothing. */
function isLimited({ stmt }: { readonly [key: string]: unknown }): boolean {
  return /"(?:limit|quota|ct count)":/.test(JSON.stringify(stmt ?? []))
}

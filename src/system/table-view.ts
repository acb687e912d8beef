/** Our table as arm/ wants to see it. libnftables is not asked: it would list the tables of everybody, and not survive some of them. */

import { type ListedRule, type ListedSet, readTable } from 'nfnetlink'
import type { RuleView, TableView } from '../arm/firewall.ts'
import { TABLE } from '../arm/names.ts'

/** Throws NetlinkError. */
export function viewTable(): TableView | undefined {
  const table = readTable(TABLE.name)
  if (table === undefined) return undefined
  const { handle, flags, chains, rules, objects } = table
  const sets = new Map(table.sets.map(set => [set.name, set]))
  const named = table.sets.filter(({ isAnonymous }) => !isAnonymous)
  const maps = named.filter(({ isMap }) => isMap)
  return {
    handle,
    flags,
    chains,
    sets: named
      .filter(({ isMap }) => !isMap)
      .map(({ name, type, size, flags, counter, handle }) => ({ name, type, size, flags, counter, handle })),
    rules: rules.map(rule => ruleView(rule, sets)),
    mapTargets: maps.flatMap(({ targets }) => targets),
    others: [...maps.map(({ name }) => name), ...objects],
  }
}

function ruleView(rule: ListedRule, sets: ReadonlyMap<string, ListedSet>): RuleView {
  const { chain, handle, comment, packets, queue, group } = rule
  const asked = rule.sets.flatMap(name => sets.get(name) ?? [])
  return {
    chain,
    handle,
    comment,
    targets: [...rule.targets, ...asked.flatMap(({ targets }) => targets)],
    sets: asked.filter(({ isAnonymous }) => !isAnonymous).map(({ name }) => name),
    packets,
    isBareJump: rule.expressions === 1 && rule.targets.length === 1,
    handsOver:
      queue !== undefined
        ? { kind: 'queue', number: queue }
        : group !== undefined
          ? { kind: 'log', number: group }
          : undefined,
  }
}

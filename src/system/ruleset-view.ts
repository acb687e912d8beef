/** The rules of everybody, as the doctor wants to see them. */
import type { Sight } from '../doctor/facts.ts'
import type { Ruleset } from '../doctor/ruleset.ts'
import { openFirewall } from './firewall.ts'
import { type Listed, openNftables } from './nftables-json/index.ts'

/** Changes nothing. Throws a Failure: 77 without CAP_NET_ADMIN, 69 without libnftables. */
export function seeRuleset(): Sight {
  using firewall = openFirewall()
  using nft = openNftables()
  return {
    ruleset: rulesetOf(nft.listRuleset()),
    version: nft.version,
    supports: {
      queue: firewall.supports('queue'),
      log: firewall.supports('log'),
      socket: firewall.supports('socket'),
    },
  }
}

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
  }
}

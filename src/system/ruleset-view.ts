/** The rules of everybody, as the doctor wants to see them. */
import type { Sight } from '../doctor/facts.ts'
import type { Ruleset } from '../doctor/ruleset.ts'
import { openFirewall, typeText } from './firewall.ts'
import { type Listed, openNftables } from './nftables-json/index.ts'

/** Changes nothing. Throws a Failure: 77 without CAP_NET_ADMIN, 69 without libnftables. */
export function seeRuleset(): Sight {
  using _firewall = openFirewall() // Says in our words what is missing.
  using nft = openNftables()
  return {
    ruleset: rulesetOf(nft.listRuleset()),
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

export function rulesetOf(objects: readonly Listed[]): Ruleset {
  return {
    tables: objects.flatMap(it => (it.kind === 'table' ? { family: it.family, table: it.name } : [])),
    chains: objects.flatMap(it => {
      if (it.kind !== 'chain') return []
      const { family, table, name, hook, prio: priority, policy } = it
      return { family, table, name, hook, priority, policy }
    }),
    sets: objects.flatMap(it => {
      if (it.kind !== 'set') return []
      const { family, table, name, size, flags, type } = it
      return { family, table, name, size, flags: flags ?? [], type: typeText(type) }
    }),
    rules: objects.flatMap(it => {
      if (it.kind !== 'rule') return []
      const { family, table, chain, expr } = it
      return { family, table, chain, expr }
    }),
  }
}

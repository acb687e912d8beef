/** Who has made the rules that are here: known by the names that each manager gives to its tables and chains. */
import { isOurs } from '../arm/names.ts'
import type { Facts } from './facts.ts'
import { MANAGERS, type Manager } from './manager.ts'
import { targetsOf } from './rules.ts'
import type { Chain, InTable, Rule, Ruleset } from './ruleset.ts'

/** Tables that have a manager's own name. */
const OWN_TABLES: readonly (readonly [RegExp, Manager])[] = [
  [/^firewalld/, 'firewalld'],
  [/^docker-bridges$/, 'docker'],
  [/^netavark$/, 'podman'],
  [/^libvirt_network$/, 'libvirt'],
  [/^kube-proxy$/, 'kubernetes'],
  [/^f2b-/, 'fail2ban'],
  [/^crowdsec6?/, 'crowdsec'],
]

/** Chains that managers make in the tables of iptables. */
const OWN_CHAINS: readonly (readonly [RegExp, Manager])[] = [
  [/^ufw6?-/, 'ufw'],
  [/^(INPUT_ZONES|FORWARD_ZONES|FORWARD_IN_ZONES)/, 'firewalld'],
  [/^DOCKER/, 'docker'],
  [/^(NETAVARK|CNI-)/, 'podman'],
  [/^LIBVIRT_/, 'libvirt'],
  [/^KUBE-/, 'kubernetes'],
  [/^f2b-/, 'fail2ban'],
  [/^CROWDSEC/, 'crowdsec'],
]

const IPTABLES_TABLES = ['filter', 'nat', 'mangle', 'raw', 'security']
const IPTABLES_CHAINS = ['INPUT', 'FORWARD', 'OUTPUT', 'PREROUTING', 'POSTROUTING']

export interface Present {
  readonly manager: Manager
  /** Where its rules are: `inet firewalld`. Empty when only files speak of it. */
  readonly tables: readonly string[]
  /** What its files say. */
  readonly seen: string | undefined
}

/** The managers that are here, in the order of MANAGERS. */
export function managersOf({ sight, legacy, traces }: Pick<Facts, 'sight' | 'legacy' | 'traces'>): Present[] {
  const tables = new Map<Manager, string[]>()
  const add = (manager: Manager, { family, table }: InTable) =>
    tables.set(manager, [...(tables.get(manager) ?? []), `${family} ${table}`])
  for (const table of legacy) add('iptables-legacy', table)
  if ('ruleset' in sight)
    for (const table of sight.ruleset.tables)
      for (const manager of makersOf(table, sight.ruleset)) add(manager, table)
  return (Object.keys(MANAGERS) as Manager[]).flatMap(manager => {
    const seen = traces.find(trace => trace.manager === manager)?.seen
    const where = tables.get(manager)
    return where === undefined && seen === undefined ? [] : { manager, tables: where ?? [], seen }
  })
}

/** Who has made a table or has rules in it; nobody, when all of it is ours. */
function makersOf(table: InTable, ruleset: Ruleset): readonly Manager[] {
  const chains = ruleset.chains.filter(isIn(table))
  const [, owner] = OWN_TABLES.find(([name]) => name.test(table.table)) ?? []
  if (owner !== undefined) return [owner]
  if (!isOfIptables(table, chains)) return chains.every(({ name }) => isOurs(name)) ? [] : ['nftables']
  const owners = OWN_CHAINS.filter(([name]) => chains.some(chain => name.test(chain.name)))
  const managers = [...new Set(owners.map(([, manager]) => manager))]
  const byHand = managers.length === 0 || ruleset.rules.filter(isIn(table)).some(isByHand)
  return [...managers, ...(byHand ? (['iptables-nft'] as const) : [])]
}

/** A rule for incoming traffic that leads to no manager's chain. */
function isByHand(rule: Rule): boolean {
  const isOwned = (name: string) => OWN_CHAINS.some(([pattern]) => pattern.test(name))
  return rule.chain === 'INPUT' && !targetsOf(rule).some(isOwned)
}

function isOfIptables({ family, table }: InTable, chains: readonly Chain[]): boolean {
  if (!['ip', 'ip6'].includes(family) || !IPTABLES_TABLES.includes(table)) return false
  return chains.some(({ name }) => IPTABLES_CHAINS.includes(name))
}

function isIn(table: InTable) {
  return (it: InTable) => it.family === table.family && it.table === table.table
}

/** Facts for tests of the doctor: an ordinary server, and whatever is changed of it. */
import { readFileSync } from 'node:fs'
import { parseListing } from '../../packages/nftables-json/src/listed.ts'
import type { Facts, Sight } from '../../src/doctor/facts.ts'
import type { Ruleset } from '../../src/doctor/ruleset.ts'
import { parseSettings } from '../../src/settings/load.ts'
import { rulesetOf } from '../../src/system/ruleset-view.ts'
import type { Address } from '../../src/terms/address.ts'

export const address = (text: string) => text as Address

const EMPTY: Ruleset = { tables: [], chains: [], rules: [] }

/** What a manager of Debian's has loaded: see recorded/README.md. */
export function recorded(name: 'stock' | 'iptables-nft' | 'ufw' | 'firewalld' | 'docker'): Ruleset {
  return rulesetOf(parseListing(readFileSync(`test/doctor/recorded/${name}.listing`, 'utf8')).objects)
}

export function sight(changes: Partial<Sight> = {}): Sight {
  const supports = { queue: true, log: true, socket: true }
  return { ruleset: EMPTY, version: '1.0.6', supports, ...changes }
}

export function facts({ toml = '', ...changes }: Partial<Facts> & { toml?: string } = {}): Facts {
  return {
    settings: parseSettings(toml, 'test'),
    sight: sight(),
    legacy: [],
    traces: [],
    kernel: '6.1.0-40-amd64',
    node: '24.21.0',
    forwards: false,
    uplinks: 1,
    served: [
      [6, 22],
      [6, 443],
      [17, 53],
    ],
    neighbourhood: {
      own: [address('192.0.2.1')],
      gateways: [address('192.0.2.254')],
      resolvers: [],
      onLink6: [],
      links: [],
      inside: [],
    },
    nat64: [],
    connected: [],
    clients: [],
    bridges: [],
    detours: { queues: [], ipvs: false, bridges: [] },
    caller: undefined,
    ...changes,
  }
}

type Statement = Readonly<Record<string, unknown>>

const ACCEPT: Statement = { accept: null }
const DROP: Statement = { drop: null }
const dport = (port: number): Statement => ({
  match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: port },
})
const invalid: Statement = { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } }

export const statements = { ACCEPT, DROP, dport, invalid, jump: (target: string) => ({ jump: { target } }) }

/** `table inet filter` by hand: one base chain with these rules. */
export function byHand(
  policy: 'accept' | 'drop',
  rules: readonly (readonly Statement[])[],
  hook: 'input' | 'forward' = 'input',
): Ruleset {
  const where = { family: 'inet', table: 'filter' }
  return {
    tables: [where],
    chains: [{ ...where, name: hook, hook, priority: 0, policy }],
    rules: rules.map(expr => ({ ...where, chain: hook, expr })),
  }
}

export function both(one: Ruleset, other: Ruleset): Ruleset {
  return {
    tables: [
      ...new Map([...one.tables, ...other.tables].map(it => [`${it.family} ${it.table}`, it])).values(),
    ],
    chains: [...one.chains, ...other.chains],
    rules: [...one.rules, ...other.rules],
  }
}

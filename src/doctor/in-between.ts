/** Who stands between us and most of our clients: a CDN, a load balancer, a NAT. Seen by the networks that they come from. */
import { ownPrefixes } from '../arm/surroundings.ts'
import { neverOf } from '../settings/settings.ts'
import { type Address, type Family, familyOf, prefixAround } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'

const say = teller('danger')

/**
 * Of fewer clients nothing is concluded: a server that ten people use may have all of them from one provider. At twenty, more than half from three
 * networks is no chance where strangers are served: the largest access providers, with some percent of all users each, have dozens of such networks.
 */
const CLIENTS_MIN = 20
const NETWORKS_MAX = 3
/** Of a network. */
const CROWD_MIN = 3
/** What an operator announces is rarely wider, and his edges lie close together in it. */
const NETWORK_BITS: Readonly<Record<Family, number>> = { 4: 16, 6: 32 }
export function inBetweenFindings({ clients, settings, neighbourhood }: Facts): readonly Finding[] {
  const near = prefixSet(ownPrefixes(neighbourhood))
  const strangers = [...new Set(clients)].filter(client => !near.has(addressKey(client)))
  if (strangers.length < CLIENTS_MIN) return []
  const most = crowded(strangers)
  const count = most.reduce((sum, { clients }) => sum + clients.length, 0)
  if (2 * count <= strangers.length) return []
  const never = neverOf(settings)
  const judged = most.filter(({ clients }) => clients.some(client => !never.has(addressKey(client))))
  if (judged.length === 0)
    return [say('ok', 'Most clients come from few networks, all of them on the never-list.')]
  const names = judged.map(({ network, clients }) => `${network} (${clients.length})`).join(', ')
  return [
    say(
      'careful',
      `Most of the ${strangers.length} clients that are connected come from few networks: ${names}. Probably a CDN, a load balancer or a NAT stands between them and this machine: each of its addresses is many clients, and one to three forged packets lock it out.`,
      'Write its prefixes into a file, and that into never_files; docs/in-between.md says where they are published, and what else helps.',
    ),
  ]
}

interface Network {
  readonly network: string
  readonly clients: readonly Address[]
}

/** The networks from which most come. */
function crowded(clients: readonly Address[]): readonly Network[] {
  const networks = Map.groupBy(clients, client => prefixAround(client, NETWORK_BITS[familyOf(client)]).text)
  return [...networks]
    .map(([network, clients]) => ({ network, clients }))
    .filter(({ clients }) => clients.length >= CROWD_MIN)
    .sort((one, other) => other.clients.length - one.clients.length)
    .slice(0, NETWORKS_MAX)
}

/**
 * What takes packets off their way through the chains, or lets them wait there. Whoever does not come out at the far end was
 * refused, says closed = "unaccepted": beside these it could take somebody for refused who was not.
 */
import { isOurs } from '../arm/names.ts'
import { CHANNELS } from '../terms/channel.ts'
import type { Facts } from './facts.ts'
import { statementsOf } from './rules.ts'
import type { Rule } from './ruleset.ts'

/** Statements of nftables, and targets of iptables. */
const DETOURS: Readonly<Record<string, string>> = {
  queue: 'lets packets wait for a program (queue)',
  NFQUEUE: 'lets packets wait for a program (NFQUEUE)',
  synproxy: 'answers for others (synproxy)',
  SYNPROXY: 'answers for others (SYNPROXY)',
  tproxy: 'hands packets to a proxy (tproxy)',
  TPROXY: 'hands packets to a proxy (TPROXY)',
}

/** One half sentence each; none: nothing is seen that speaks against "unaccepted". */
export function detoursOf({
  sight,
  settings,
  detours,
}: Pick<Facts, 'sight' | 'settings' | 'detours'>): string[] {
  const rules = 'ruleset' in sight ? sight.ruleset.rules.filter(({ chain }) => !isOurs(chain)) : []
  const isOurQueue = (queue: number) => queue >= settings.number && queue < settings.number + CHANNELS.length
  const queues = detours.queues.filter(queue => !isOurQueue(queue))
  const byRules = [...new Set(rules.flatMap(byRule))]
  return [
    ...byRules,
    // Where no rule tells of it, as those of iptables-legacy do not.
    ...(queues.length > 0 && !byRules.some(it => /queue/i.test(it))
      ? [`a program takes packets from queue ${queues.join(', ')}`]
      : []),
    ...(detours.ipvs ? ['IPVS serves ports here'] : []),
    ...(detours.bridges.length > 0
      ? [`br_netfilter shows bridged traffic of ${detours.bridges.join(', ')} to the firewall`]
      : []),
  ]
}

function byRule(rule: Rule): string[] {
  return statementsOf(rule).flatMap(name => {
    const what = DETOURS[name]
    return what === undefined
      ? []
      : [`a rule in chain ${rule.chain} of table ${rule.family} ${rule.table} ${what}`]
  })
}

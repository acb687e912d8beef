/** Findings about flowtables, whose packets go from device to device past every chain but those at ingress. */
import { INGRESS_PRIORITY } from '../arm/ruleset/ingress.ts'
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { statementsOf } from './rules.ts'
import type { Flowtable } from './ruleset.ts'

const say = teller('danger')

/** `flow add` of nft, and the target of iptables that OpenWrt has. */
const OFFLOADING = ['flow', 'FLOWOFFLOAD']

export function offloaded({ sight, settings }: Facts): readonly Finding[] {
  if (!('ruleset' in sight)) return []
  const rules = sight.ruleset.rules.filter(rule => statementsOf(rule).some(name => OFFLOADING.includes(name)))
  const chains = [...new Set(rules.map(({ family, table, chain }) => `${family} ${table} ${chain}`))]
  const { flowtables = [] } = sight.ruleset
  const devices = [...new Set(flowtables.flatMap(flowtable => flowtable.devices))]
  const left = devices.filter(device => !settings.ingress.includes(device))
  const isWhole = devices.length > 0 && left.length === 0
  const found = chains.map(chain =>
    isWhole
      ? say(
          'ok',
          `Chain ${chain} puts forwarded connections into a flowtable; what a source has there ends with its lockout, at ingress of ${devices.join(', ')}, unless the network card itself (flags offload) or PPPoE below the device takes it.`,
        )
      : say(
          'note',
          `Chain ${chain} puts forwarded connections into a flowtable, which no rule sees: what a source has there goes on after its lockout, until it ends or has been idle for half a minute. New connections of it get no answer.`,
          adviceOf(settings.ingress, left),
        ),
  )
  return [...found, ...flowtables.filter(isEarlier).map(earlier)]
}

function adviceOf(ingress: readonly string[], left: readonly string[]): string {
  const byHand = 'To end one at once: conntrack -D -s ADDRESS'
  if (left.length === 0) return byHand
  const named = [...ingress, ...left].map(device => JSON.stringify(device)).join(', ')
  return `To end them with the lockout: ingress = [${named}] in the settings, and known = "1d" beside it. ${byHand}`
}

/** At the same priority it is a matter of who came first. */
function isEarlier({ priority }: Flowtable): boolean {
  return priority !== undefined && priority <= INGRESS_PRIORITY
}

function earlier({ family, table, name, priority }: Flowtable): Finding {
  return say(
    'note',
    `Flowtable ${family} ${table} ${name} is at priority ${priority}, before the trap's own chain at ingress (${INGRESS_PRIORITY}): what it takes goes on after a lockout whatever \`ingress\` says.`,
    'Give it the usual one: priority filter.',
  )
}

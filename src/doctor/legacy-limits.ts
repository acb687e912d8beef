/**
 * Rules of iptables-legacy that open a door under a condition. The kernel lists them to nobody but iptables-legacy, so the daemon, which runs no program,
 * knows none of them: the doctor asks iptables-legacy-save, and says what follows.
 */
import { OF_THE_PACKET, TELLING } from './conditional.ts'
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'

const say = teller('danger')
/** So many ports are named. */
const MOST = 10

export interface LegacyLimits {
  /** `tcp/22`, `udp/5000-5100`. */
  readonly ports: readonly string[]
  /** A limit that is about any port. */
  readonly isAny: boolean
}

/** Of the rules as iptables-legacy-save writes them. */
export function legacyLimitsOf(rules: string): LegacyLimits {
  const ports = new Set<string>()
  let isAny = false
  for (const line of rules.split('\n')) {
    if (!line.startsWith('-A ') || !isLimited(line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'))) continue
    const [, protocol] = / -p (tcp|udp)\b/.exec(line) ?? []
    const [, named] = / --dports? (\S+)/.exec(line) ?? []
    if (protocol === undefined || named === undefined) isAny ||= !/ -p (?:icmp|ipv6-icmp|icmpv6)\b/.test(line)
    else for (const port of named.split(',')) ports.add(`${protocol}/${port.replace(':', '-')}`)
  }
  return { ports: [...ports], isAny }
}

/** Its condition is not in the packet, and it does more than to tell somebody. */
function isLimited(line: string): boolean {
  const matches = [...line.matchAll(/ -m (\S+)/g)].map(([, name]) => name!)
  const [, target] = / -[jg] (\S+)/.exec(line) ?? []
  return target !== undefined && !TELLING.has(target) && matches.some(name => !OF_THE_PACKET.has(name))
}

/** `inForce` is the mode. Only there what somebody's rules refuse is evidence, and is not seen by a rule of theirs. */
export function legacyFindings({ legacy, legacyRules }: Facts, inForce: string): readonly Finding[] {
  if (inForce !== 'unaccepted' || legacy.length === 0) return []
  const tables = [...new Set(legacy.map(({ family, table }) => `${family} ${table}`))].join(', ')
  const instead = 'Write closed = "listening" into the settings'
  if (legacyRules === undefined)
    return [
      say(
        'careful',
        `There are tables of iptables-legacy (${tables}), whose rules cannot be read here: whom a limit in them refuses is locked out, since with closed = "unaccepted" a refusal is evidence.`,
        `${instead}, or name the ports of such limits under silent in [evidence].`,
      ),
    ]
  const { ports, isAny } = legacyLimitsOf(legacyRules)
  if (ports.length === 0 && !isAny) return []
  const named = ports.slice(0, MOST).join(', ')
  const more = ports.length > MOST ? ` and ${ports.length - MOST} more` : ''
  const where = isAny ? 'any port' : `${named}${more}`
  const silent = ports.map(port => `"${port}"`).join(', ')
  return [
    say(
      'careful',
      `Rules of iptables-legacy (${tables}) refuse at ${where} by a rate, a count, a quota or the like, and only iptables-legacy sees them: with closed = "unaccepted" who is refused there is locked out.`,
      isAny ? `${instead}.` : `${instead}, or:\n[evidence]\nsilent = [${silent}]`,
    ),
  ]
}

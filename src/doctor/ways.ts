/** By which ports a packet comes to a rule: those that the rule asks for, else those by which its chain is entered. */
import { portText, type SilentPort } from '../settings/settings.ts'
import { portsIn, portsOf, targetsOf } from './rules.ts'
import type { Chain, Rule, Ruleset } from './ruleset.ts'

/** One table. */
export type Table = Pick<Ruleset, 'chains' | 'rules'>

export interface Door {
  readonly ports: readonly SilentPort[]
  /** It may be any port. */
  readonly isAny: boolean
}

export const NOWHERE: Door = { ports: [], isAny: false }
export const ANYWHERE: Door = { ports: [], isAny: true }

/**
 * How the rules of a table are reached from those of its base chains that are entered. `untold` is what a chain is entered by to which no jump is
 * seen: only a named map may lead there.
 */
export function openWays(
  { chains, rules }: Table,
  isEntered: (base: Chain) => boolean,
  untold: Door = NOWHERE,
): (rule: Rule) => Door {
  const bases = new Map(chains.map(chain => [chain.name, chain]))
  const entered = new Map<string, Door>()
  const callers = new Map<string, Rule[]>()
  for (const rule of rules)
    for (const chain of new Set(targetsOf(rule))) callers.set(chain, [...(callers.get(chain) ?? []), rule])

  function doorOf(rule: Rule): Door {
    if (isOtherProtocol(rule)) return NOWHERE
    const chain = doorOfChain(rule.chain)
    const own = portsOf(rule)
    return isOpen(chain) && own.length > 0 ? doorIn(own) : chain
  }

  function doorOfChain(chain: string): Door {
    const known = entered.get(chain)
    if (known !== undefined) return known
    entered.set(chain, NOWHERE) // Whoever comes back to it on the way adds nothing.
    const door = newDoorOf(chain)
    entered.set(chain, door)
    return door
  }

  function newDoorOf(chain: string): Door {
    const base = bases.get(chain)
    if (base?.hook !== undefined) return isEntered(base) ? ANYWHERE : NOWHERE
    const calling = callers.get(chain)
    if (calling === undefined) return untold
    return unionOf(
      calling.map(rule => {
        const mapped = portsOfMap(rule, verdict => verdict.includes(`"target":"${chain}"`))
        return mapped.length > 0 && isOpen(doorOf(rule)) ? doorIn(mapped) : doorOf(rule)
      }),
    )
  }

  return doorOf
}

export function isOpen({ ports, isAny }: Door): boolean {
  return isAny || ports.length > 0
}

export function unionOf(doors: readonly Door[]): Door {
  const ports = new Map(doors.flatMap(door => door.ports.map(port => [portText(port), port] as const)))
  return { ports: [...ports.values()], isAny: doors.some(({ isAny }) => isAny) }
}

/** It is about what has no ports. */
function isOtherProtocol({ expr }: Rule): boolean {
  if (/"protocol":"icmp(?:v6)?"|"right":"(?:ipv6-)?icmp/.test(JSON.stringify(expr))) return true
  return expr.some(statement => {
    const { match } = statement as { match?: { op: string; left: unknown; right: unknown } }
    if (match?.op !== '==' || !PROTOCOL_FIELDS.includes(JSON.stringify(match.left))) return false
    const named = portsIn(match.right)
    return named.length > 0 && !named.some(name => WITH_PORTS.includes(name))
  })
}

const PROTOCOL_FIELDS = [
  { meta: { key: 'l4proto' } },
  { payload: { protocol: 'ip', field: 'protocol' } },
  { payload: { protocol: 'ip6', field: 'nexthdr' } },
].map(field => JSON.stringify(field))
const WITH_PORTS = ['tcp', 'udp', '6', '17']

/** The ports whose verdict in a map of the rule is wanted: `tcp 7000`. Named maps are not opened. */
export function portsOfMap({ expr }: Rule, isWanted: (verdict: string) => boolean): readonly string[] {
  return expr.flatMap(statement => {
    const { vmap } = statement as { vmap?: { key: Key & { concat?: readonly Key[] }; data: MapData } }
    const keys = vmap?.key.concat ?? (vmap === undefined ? [] : [vmap.key])
    const at = keys.findIndex(key => key.payload?.field === 'dport')
    const entries = vmap?.data.set
    if (at < 0 || !Array.isArray(entries)) return []
    return entries
      .filter(([, verdict]) => isWanted(JSON.stringify(verdict)))
      .flatMap(([value]) => portsIn((value as { concat?: unknown[] })?.concat?.[at] ?? value))
      .map(port => `${keys[at]!.payload!.protocol} ${port}`)
  })
}

interface Key {
  readonly payload?: { readonly protocol: string; readonly field: string }
}
interface MapData {
  readonly set?: readonly (readonly [value: unknown, verdict: unknown])[]
}

/** `tcp 22`, `th 60000-61000`. */
export function doorIn(ports: readonly string[]): Door {
  return unionOf(
    ports.map(text => {
      const [, protocol, first, last = first] = /^(tcp|udp|th) (\d+)(?:-(\d+))?$/.exec(text) ?? []
      if (protocol === undefined) return ANYWHERE
      const protocols = protocol === 'th' ? (['tcp', 'udp'] as const) : [protocol as SilentPort['protocol']]
      return {
        ports: protocols.map(protocol => ({ protocol, first: Number(first), last: Number(last) })),
        isAny: false,
      }
    }),
  )
}

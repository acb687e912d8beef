/** Which networks most sources come from. */
import { parsePrefix, widen } from '../terms/address.ts'
import { count, largest, TOP } from './top.ts'

/** Three groups of an IPv6 address that are written out: they begin all addresses of a /48. */
const BEGIN48 = /^[^:]+:[^:]+:[^:]+:/
const NETWORKS = 2 ** 24

/** Counts sources by network: IPv4 by the /24, IPv6 by the /48. */
export function openNetworks() {
  const counts = new Uint16Array(NETWORKS)
  const groups = new Map<string, number>()
  return {
    add(source: string, ip4: number | undefined) {
      if (ip4 === undefined) count(groups, BEGIN48.exec(source)?.[0] ?? source)
      else counts[ip4 >>> 8]!++
    },
    /** Those with the most sources. */
    most(): { network: string; attackers: number }[] {
      const networks = largest(counts).map(({ index, count: attackers }) => ({
        network: `${index >>> 16}.${(index >>> 8) & 255}.${index & 255}.0/24`,
        attackers,
      }))
      const networks6 = new Map<string, number>()
      for (const [group, attackers] of groups) {
        const text = networkOf(group)
        networks6.set(text, (networks6.get(text) ?? 0) + attackers)
      }
      const all = [...networks, ...[...networks6].map(([network, attackers]) => ({ network, attackers }))]
      return all.sort((one, other) => other.attackers - one.attackers).slice(0, TOP)
    },
  }
}

/** Only zeros are written in several ways: `2001:db8:0:` and `2001:db8::` begin addresses of the same /48. */
function networkOf(group: string): string {
  if (group.endsWith(':') && !group.endsWith(':0:')) return `${group}:/48`
  return widen(parsePrefix(group.endsWith(':') ? `${group}:` : group)!, 48).text
}

/** The address as a whole number of 32 bits; undefined when it is not IPv4. */
export function numberOf(source: string): number | undefined {
  let number = 0
  let octet = 0
  for (let i = 0; i < source.length; i++) {
    const code = source.charCodeAt(i)
    if (code === COLON) return undefined
    if (code !== DOT) octet = octet * 10 + code - ZERO
    else {
      number = (number << 8) | octet
      octet = 0
    }
  }
  return (number << 8) | octet
}

const DOT = 46
const ZERO = 48
const COLON = 58

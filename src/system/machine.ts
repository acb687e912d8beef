/** This machine as the doctor wants to know it. */
import type { ChoiceFacts } from '../doctor/choice.ts'
import type { Facts } from '../doctor/facts.ts'
import { findLegacy, findTraces } from '../doctor/traces.ts'
import { Failure } from '../terms/failure.ts'
import { findBaked } from './baked.ts'
import { findBridges } from './bridges.ts'
import { findCaller } from './caller.ts'
import { clientsAt } from './connected.ts'
import { findDetours, listenedTo } from './detours.ts'
import { readForeign } from './files.ts'
import { legacyRules } from './legacy-rules.ts'
import { findNat64 } from './nat64.ts'
import { seeRuleset } from './ruleset-view.ts'
import { surroundings } from './surroundings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** All but the settings. What cannot be seen is a fact as well. */
export async function lookAround(env: Environment): Promise<Omit<Facts, 'settings'>> {
  await surroundings.rereadResolvers()
  const neighbourhood = surroundings.neighbourhood()
  const firewall = lookAtFirewall()
  return {
    ...firewall,
    legacyRules: await legacyRules(firewall.legacy),
    traces: findTraces(readForeign),
    kernel: kernelRelease(),
    node: process.versions.node,
    uplinks: surroundings.uplinks().length,
    served: surroundings.served(),
    neighbourhood,
    nat64: hasIPv6(neighbourhood) ? await findNat64() : [],
    connected: surroundings.connected(),
    clients: clientsAt(surroundings.served()),
    bridges: findBridges(),
    groups: listenedTo('log'),
    baked: findBaked(),
    framesToAll: framesToAll(surroundings.uplinks()),
    doors: surroundings.doors(),
    remarks: surroundings.remarks(),
    caller: findCaller(env, process.ppid, readForeign),
  }
}

/** Beside what every link has. */
function hasIPv6({ own }: Facts['neighbourhood']): boolean {
  return own.some(address => address.includes(':') && address !== '::1' && !address.startsWith('fe80:'))
}

/** What closed = "auto" goes by. */
export function lookAtFirewall(): Omit<ChoiceFacts, 'settings'> {
  return {
    sight: sightOrWhyNot(),
    legacy: findLegacy(readForeign),
    forwards: surroundings.forwards(),
    detours: findDetours(surroundings.uplinks()),
  }
}

/** Of IPv4 it holds for all interfaces at once, of IPv6 for each by itself: Documentation/networking/ip-sysctl.rst. By slashes, since names have dots. */
function framesToAll(uplinks: readonly string[]): readonly string[] {
  const paths = ['ipv4/conf/all', ...['default', ...uplinks].map(name => `ipv6/conf/${name}`)]
  return paths
    .filter(path => isZero(`/proc/sys/net/${path}/drop_unicast_in_l2_multicast`))
    .map(path => `net/${path}/drop_unicast_in_l2_multicast`)
}

function isZero(path: string): boolean {
  const file = readForeign(path)
  return 'text' in file && file.text.trim() === '0'
}

function sightOrWhyNot(): Facts['sight'] {
  try {
    return seeRuleset()
  } catch (error) {
    if (error instanceof Failure) return { unseen: error.message, advice: error.hint }
    throw error
  }
}

function kernelRelease(): string {
  const file = readForeign('/proc/sys/kernel/osrelease')
  return 'text' in file ? file.text.trim() : 'unknown'
}

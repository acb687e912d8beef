/** The trap without the daemon: the generated rules in a test's gate, for what single rules do. */
import { USUAL_GROUND } from '../../src/arm/ruleset/matches.ts'
import { render } from '../../src/arm/ruleset/render.ts'
import { rulesetOf } from '../../src/arm/ruleset/ruleset.ts'
import type { Ruleset } from '../../src/arm/ruleset/spec.ts'
import { parseSettings } from '../../src/settings/load.ts'
import type { Host } from './world.ts'

/**
 * Who got how far: `arrived` behind the early chain, `passed` behind the entrances, coming in or going through. And no
 * multicast is known by its MAC address, so that only rules that look at addresses see it.
 */
const WATCH = `table inet watch {
  set arrived { type ipv4_addr; flags dynamic; size 65535; }
  set arrived6 { type ipv6_addr; flags dynamic; size 65535; }
  set passed { type ipv4_addr; flags dynamic; size 65535; }
  set passed6 { type ipv6_addr; flags dynamic; size 65535; }
  chain prerouting {
    type filter hook prerouting priority 0
    update @arrived { ip saddr }
    update @arrived6 { ip6 saddr }
    meta pkttype multicast meta pkttype set host
  }
  chain passed {
    update @passed { ip saddr }
    update @passed6 { ip6 saddr }
  }
  chain input { type filter hook input priority 100; jump passed; }
  chain forward { type filter hook forward priority 100; jump passed; }
}`

/** Loads the trap of these settings, and the watch; `change` makes another ruleset of it. */
export async function loadTrap(
  host: Host,
  toml: string,
  change: (ruleset: Ruleset) => Ruleset = ruleset => ruleset,
): Promise<void> {
  const settings = parseSettings(toml, 'test')
  const ground = { ...USUAL_GROUND, ingress: settings.ingress }
  await host.nft(render(change(rulesetOf(settings, 'log', ground))))
  await host.nft(WATCH)
  // As the daemon does.
  const links = JSON.parse(await host.must(['ip', '-j', 'address'])) as {
    addr_info: { family: string; local: string }[]
  }[]
  const own = links.flatMap(({ addr_info }) => addr_info)
  for (const [family, set] of [
    ['inet', 'flypaper_own'],
    ['inet6', 'flypaper_own6'],
  ] as const) {
    const addresses = own.filter(address => address.family === family).map(({ local }) => local)
    if (addresses.length > 0) await put(host, set, ...new Set(addresses))
  }
}

/** Adds elements to one of the sets of the trap. */
export async function put(host: Host, set: string, ...elements: readonly string[]): Promise<void> {
  await host.nft(`add element inet filter ${set} { ${elements.join(', ')} }`)
}

/** What is in a set of the trap, without timeouts. */
export async function listed(host: Host, set: string, table = 'filter'): Promise<string[]> {
  const text = await host.must(['nft', 'list', 'set', 'inet', table, set])
  const [, elements = ''] = /elements = \{([\s\S]*)\}\s*\}\s*\}\s*$/.exec(text) ?? []
  return elements
    .split(',')
    .map(element => element.trim().split(/ (?:counter|timeout|expires) /)[0]!)
    .filter(element => element !== '')
    .sort()
}

/** Which of these sources got as far as the watch calls it; of both families. */
export async function whoOf(
  host: Host,
  sources: readonly string[],
  far: 'arrived' | 'passed',
): Promise<string[]> {
  const seen = [...(await listed(host, far, 'watch')), ...(await listed(host, `${far}6`, 'watch'))]
  return sources.filter(source => seen.includes(source))
}

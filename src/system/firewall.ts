/** The firewall port of arm/: rulesets are loaded by libnftables, everything else goes by nfnetlink. */
import { release } from 'node:os'
import { findTable } from 'nfnetlink'
import { type Nftables, NftablesError, openNftables } from 'nftables-json'
import type { Change, Firewall } from '../arm/firewall.ts'
import { TABLE } from '../arm/names.ts'
import { checkFlags } from '../arm/table-flags.ts'
import { openAddressSets } from './address-sets.ts'
import { readText } from './files.ts'
import { noPermission, withFailure } from './firewall-failure.ts'
import { halves } from './halves.ts'
import { asNftables } from './netlink-failure.ts'
import { checkReadable } from './readable-sets.ts'
import { viewTable } from './table-view.ts'

/** A table that is only checked, never loaded. */
const PROBE = 'flypaper_probe'
const PROBES = {
  queue: atInput('queue num 1'),
  log: atInput('log group 1'),
  socket: atInput('socket wildcard 0 accept'),
  fib: atInput('fib saddr . iif oif missing fib daddr type broadcast accept'),
  ingress: 'type filter hook ingress devices = { "lo" } priority 0; policy accept;',
} as const

function atInput(statement: string): string {
  return `type filter hook input priority 0; policy accept;\n${statement}`
}

/** Throws a Failure: 77 without CAP_NET_ADMIN, 69 without libnftables. */
export function openFirewall(options: { library?: string } = {}): Firewall & Disposable {
  // Asked first, since libnftables would write to standard error by itself.
  if (!hasNetAdmin()) throw noPermission()
  using opening = new DisposableStack()
  const nft = opening.use(withFailure(() => openNftables(options)))
  const addressSets = opening.use(withFailure(openAddressSets))
  const opened = opening.move()
  // A module that goes is loaded again when a rule names it, and to ask takes 10 ms: what the kernel could once, it can.
  const able = new Set<string>()
  return {
    load(ruleset) {
      // Asked right before: whoever puts the table to sleep while the trap is armed shall not see it woken.
      checkFlags(withFailure(() => asNftables(() => findTable(TABLE.name))))
      withFailure(() => asNftables(() => checkReadable(nft)))
      withFailure(() => nft.load(ruleset))
    },
    change: changes => withFailure(() => change(addressSets.change, changes)),
    take: (set, elements) => withFailure(() => addressSets.take(set, elements)),
    takeOut: (set, keys) => withFailure(() => addressSets.takeOut(set, keys)),
    ask: (set, elements) => withFailure(() => addressSets.ask(set, elements)),
    first: (set, most) => withFailure(() => addressSets.first(set, most)),
    ports: (set, most) => withFailure(() => addressSets.ports(set, most)),
    read: (set, isWanted) => addressSets.read(set, isWanted),
    look: () => withFailure(() => asNftables(viewTable)),
    supports(statement) {
      if (statement === 'counter') return canCountElements(release())
      if (able.has(statement)) return true
      withFailure(() => asNftables(() => checkReadable(nft)))
      const isAble = withFailure(() => isSupported(nft, PROBES[statement]))
      if (isAble) able.add(statement)
      return isAble
    },
    [Symbol.dispose]: () => opened.dispose(),
  }
}

/** In one transaction, or in several when it is too large for one. */
function change(run: (changes: readonly Change[]) => void, changes: readonly Change[]): void {
  try {
    run(changes)
  } catch (error) {
    const code = error instanceof NftablesError ? error.code : undefined
    const smaller = code === 'too-large' ? halves(changes) : undefined
    if (smaller === undefined) throw error
    for (const part of smaller) change(run, part)
  }
}

function isSupported(nft: Nftables, chain: string): boolean {
  try {
    nft.check(`table inet ${PROBE} {\nchain probe {\n${chain}\n}\n}\n`)
    return true
  } catch (error) {
    if (error instanceof NftablesError && (error.code === 'missing' || error.code === 'unsupported'))
      return false
    throw error
  }
}

/**
 * From 5.7 on the kernel gives each element of a set an expression of its own. Not tried: one of before would make the set, and
 * leave the counter out without a word.
 */
export function canCountElements(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(part => Number.parseInt(part, 10))
  return major > 5 || (major === 5 && minor >= 7)
}

/** Number of the capability in linux/capability.h; the effective ones are a line of proc_pid_status(5). */
const CAP_NET_ADMIN = 12n

function hasNetAdmin(): boolean {
  const status = readText('/proc/self/status')
  const effective = 'text' in status ? /^CapEff:\s*([0-9a-f]+)/m.exec(status.text)?.[1] : undefined
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

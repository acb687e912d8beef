/**
 * The chains at ingress stand beside the trap: a device that goes takes its chain along, or keeps it from being loaded, before Linux 6.16, and then the
 * trap is armed without. docs/decisions/0070-ingress.md
 */
import { isDeepStrictEqual } from 'node:util'
import type { Settings } from '../settings/settings.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Change, Firewall, TableView } from './firewall.ts'
import type { ChainName } from './names.ts'
import { outgrownSets } from './outgrown.ts'
import { INGRESS_PRIORITY } from './ruleset/ingress.ts'
import { render } from './ruleset/render.ts'
import type { ChainSpec, Ruleset } from './ruleset/spec.ts'

/** The base chain first, which goes to the others. */
const INGRESS: readonly ChainName[] = ['flypaper_ingress', 'flypaper_ingress_stuck', 'flypaper_ingress_reach']

/** Throws a Failure (69) where devices are named and no chain can be there. */
export function checkIngress(
  firewall: Pick<Firewall, 'supports'>,
  { ingress, dryRun }: Pick<Settings, 'ingress' | 'dryRun'>,
): void {
  if (ingress.length === 0 || dryRun || firewall.supports('ingress')) return
  throw new Failure(
    'the settings name devices for ingress, but this kernel has no ingress for tables of family inet (it is older than 5.10, or lacks CONFIG_NETFILTER_INGRESS)',
    {
      exit: EXIT.unavailable,
      hint: 'Take another kernel, or take ingress out of the settings: then what is in a flowtable when its source is locked out goes on.',
    },
  )
}

export function apartFromIngress(ruleset: Ruleset): { rules: Ruleset; ingress: readonly ChainSpec[] } {
  const isAtIngress = ({ name }: ChainSpec) => INGRESS.includes(name)
  const chains = ruleset.chains.filter(chain => !isAtIngress(chain))
  return { rules: { ...ruleset, chains }, ingress: ruleset.chains.filter(isAtIngress) }
}

/**
 * Whether what is there now may stay while the rest is loaded. To declare a chain at another priority is refused; with other devices, too, before Linux 6.5,
 * and later it takes none away. A set that its rules ask cannot be made anew.
 */
export function staysAtIngress(ruleset: Ruleset, before: TableView | undefined): boolean {
  const live = before?.chains.find(({ name }) => name === 'flypaper_ingress')
  const wanted = ruleset.chains.find(({ name }) => name === 'flypaper_ingress')
  const [are, shouldBe] = [live, wanted].map(chain => chain?.devices?.toSorted())
  const isSame = isDeepStrictEqual(are, shouldBe) && (live?.priority ?? INGRESS_PRIORITY) === INGRESS_PRIORITY
  return isSame && outgrownSets(ruleset, before).length === 0
}

export function clearIngress(firewall: Firewall, before: TableView | undefined): void {
  const there = INGRESS.filter(name => before?.chains.some(chain => chain.name === name))
  const changes = (['flush-chain', 'delete-chain'] as const).flatMap(change =>
    there.map((chain): Change => ({ change, chain })),
  )
  if (changes.length > 0) firewall.change(changes)
}

/** In one transaction. A device may have gone since it was seen: then nothing of it stays, and what the kernel says is returned. */
export function loadIngress(firewall: Firewall, chains: readonly ChainSpec[]): unknown {
  if (chains.length === 0) return undefined
  try {
    firewall.load(render({ sets: [], chains, absent: [] }))
    return undefined
  } catch (error) {
    clearIngress(firewall, firewall.look())
    return error
  }
}

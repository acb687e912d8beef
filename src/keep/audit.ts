/** Whether the ruleset in the kernel is still the one that was armed, told without looking into the sets. */
import type { Firewall, TableView } from '../arm/firewall.ts'
import { isOurs } from '../arm/names.ts'

export interface Auditor {
  /** What is there now is as it should be. */
  remember(): void
  isChanged(): boolean
  /** Whether it is time to look into the sets, too. */
  isDue(): boolean
}

/** The flies are compared every so many looks, which come once a minute. */
const LOOKS = 10

export function auditor(firewall: Firewall): Auditor {
  let known: string | undefined
  let looks = 0
  return {
    remember() {
      known = fingerprintOf(firewall.look())
    },
    isChanged: () => fingerprintOf(firewall.look()) !== known,
    isDue: () => ++looks % LOOKS === 0,
  }
}

/** Our sets, chains and rules; a rule that was replaced has another handle. */
function fingerprintOf(table: TableView | undefined): string {
  if (table === undefined) return ''
  const chains = table.chains.filter(({ name }) => isOurs(name)).map(({ name, hook }) => `${name} ${hook}`)
  const sets = table.sets.filter(({ name }) => isOurs(name)).map(({ name, handle }) => `${name} ${handle}`)
  const rules = table.rules
    .filter(({ chain, targets }) => isOurs(chain) || targets.some(isOurs))
    .map(({ chain, handle }) => `${chain} ${handle}`)
  return JSON.stringify([table.handle, chains, sets, rules])
}

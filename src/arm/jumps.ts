/** The jumps from the administrator's chains to the entrances, where the settings name these chains. */
import type { Settings } from '../settings/settings.ts'
import type { Change, RuleView, TableView } from './firewall.ts'
import { APPENDED, ENTRANCES } from './names.ts'

/** The jumps that the settings want and nobody has written, and those of earlier settings that they want no more. */
export function jumpChanges(
  settings: Pick<Settings, 'chains'>,
  table: TableView | undefined,
): readonly Change[] {
  const rules = table?.rules ?? []
  const chains = new Map(table?.chains.map(chain => [chain.name, chain]))
  const last = new Map(rules.map(({ chain, handle }) => [chain, handle]))
  const wanted = (['input', 'forward'] as const)
    .flatMap(way => [...new Set(settings.chains[way])].map(chain => ({ chain, to: ENTRANCES[way] })))
    // Whoever lets his chain accept what no rule of it takes has opened all that the jump would make an offence.
    .filter(({ chain }) => chains.get(chain)?.policy !== 'accept')
  const isInPlace = ({ chain, handle, isBareJump, targets }: RuleView) =>
    last.get(chain) === handle &&
    isBareJump !== false &&
    wanted.some(jump => jump.chain === chain && targets.includes(jump.to))
  const stale = rules.filter(rule => rule.comment === APPENDED && !isInPlace(rule))
  const missing = wanted.filter(
    jump =>
      chains.has(jump.chain) &&
      !rules.some(
        rule => rule.chain === jump.chain && rule.targets.includes(jump.to) && !stale.includes(rule),
      ),
  )
  return [
    ...stale.map(({ chain, handle }) => ({ change: 'delete-rule', chain, handle }) as const),
    ...missing.map(jump => ({ change: 'append-jump', ...jump, comment: APPENDED }) as const),
  ]
}

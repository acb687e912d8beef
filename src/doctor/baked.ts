/**
 * Files that hold the trap itself, as `nft list ruleset` writes it: with them it is armed at the next boot without a daemon, with whoever
 * was a fly then. What flypaperd generates for such files, and the chains that docs/nftables-conf.md declares, are something else. Pure.
 */
import type { Facts } from './facts.ts'
import { type Finding, teller } from './finding.ts'
import { isInOurTable } from './rules.ts'
import type { Rule, Ruleset } from './ruleset.ts'

const say = teller('danger')

/** Chains that drop or judge: no file declares them but a listing, or what was generated. In nft's language, or in JSON. */
const OURS = /chain flypaper_(early|stuck|judge|offence) \{|"chain":\s*"flypaper_(early|stuck|judge|offence)"/
/** Generated rulesets empty our chains before they fill them. */
const GENERATED = /^flush chain inet filter flypaper_early$/m

export function isBaked(text: string): boolean {
  return OURS.test(text) && !GENERATED.test(text)
}

export function orphanFindings({ sight, detours, groups, baked = [] }: Facts): readonly Finding[] {
  const orphaned =
    'ruleset' in sight && groups !== undefined && isOrphaned(sight.ruleset, detours.queues, groups)
  return [
    ...(orphaned
      ? [
          say(
            'missing',
            'The trap is in the kernel, but no daemon listens to it: whoever touches a closed port is held for some seconds only, and whoever is a fly is not freed before the kernel’s time for him is over, if ever.',
            'flypaperd start takes it over; flypaperd stop takes it out.',
          ),
        ]
      : []),
    ...baked.map(path =>
      say(
        'careful',
        `${path} holds the trap itself, as nft list ruleset writes it: each boot, and each load of the file, arms it without a daemon, and locks out again whoever was a fly then.`,
        `Take whatever is named flypaper out of ${path}. What may stand there: docs/nftables-conf.md`,
      ),
    ),
  ]
}

/** It hands packets over, and nobody takes them. */
function isOrphaned({ rules }: Ruleset, queues: readonly number[], groups: readonly number[]): boolean {
  const handed = rules
    .filter(rule => isInOurTable(rule) && rule.chain === 'flypaper_offence')
    .flatMap(handedOver)
  return handed.some(({ queue, group }) =>
    queue === undefined ? group !== undefined && !groups.includes(group) : !queues.includes(queue),
  )
}

function handedOver({ expr }: Rule): { queue?: number | undefined; group?: number | undefined }[] {
  return (expr as readonly { queue?: { num?: number }; log?: { group?: number } | null }[]).flatMap(it =>
    it.queue === undefined && it.log?.group === undefined
      ? []
      : [{ queue: it.queue?.num, group: it.log?.group }],
  )
}

/** Our names in table inet filter that somebody else has given to something of another kind: the kernel would refuse ours. Pure. */
import { EXIT, Failure } from '../terms/failure.ts'
import type { ChainView, SetView, TableView } from './firewall.ts'
import { TABLE } from './names.ts'
import type { Ruleset, SetSpec } from './ruleset/spec.ts'

/** What of the table can be compared: its chains and sets. */
type Named = Pick<TableView, 'chains' | 'sets'>

/** Throws a Failure (69) that names the object and what to do. */
export function checkNames(ruleset: Ruleset, table: Named | undefined): void {
  const taken = table && takenName(ruleset, table)
  if (taken !== undefined) throw taken
}

/** The first of our names that is taken. Sizes may differ: such a set is made anew. */
export function takenName(ruleset: Ruleset, table: Named): Failure | undefined {
  for (const { name, hook } of [...ruleset.chains, ...ruleset.absent]) {
    const live = table.chains.find(chain => chain.name === name)
    if (live !== undefined && !isSameHook(live, hook))
      return taken('chain', name, hookText(live), hook?.replace(/^type \w+ |;.*$/g, '') ?? 'no hook')
  }
  for (const spec of ruleset.sets) {
    const live = table.sets.find(set => set.name === spec.name)
    if (live !== undefined && !isSameKind(live, spec))
      return taken('set', spec.name, kindText(live.type, live.flags), kindText(spec.type, spec.flags))
  }
  return undefined
}

/** `wanted` is `type filter hook input priority -10; policy accept;`, or undefined for a chain that others jump to. */
function isSameHook({ hook, priority }: ChainView, wanted: string | undefined): boolean {
  const [, wantedHook, wantedPriority] =
    /hook (\w+) (?:devices = \{.*\} )?priority (-?\d+)/.exec(wanted ?? '') ?? []
  if (hook !== wantedHook) return false
  return hook === undefined || priority === undefined || priority === Number(wantedPriority)
}

function hookText({ hook, priority }: ChainView): string {
  return hook === undefined ? 'no hook' : `hook ${hook} priority ${priority}`
}

function isSameKind({ type, flags }: SetView, wanted: SetSpec): boolean {
  return kindText(type ?? wanted.type, flags) === kindText(wanted.type, wanted.flags)
}

/** libnftables leaves the flag `dynamic` out of its listings. */
function kindText(type: string | undefined, flags: readonly string[] = []): string {
  const listed = flags.filter(flag => flag !== 'dynamic').sort()
  return `type ${type}${listed.length === 0 ? '' : `, flags ${listed.join(', ')}`}`
}

function taken(kind: 'chain' | 'set', name: string, live: string, ours: string): Failure {
  return new Failure(
    `table ${TABLE.family} ${TABLE.name} has a ${kind} ${name} already, and it is not ours: it has ${live}, ours has ${ours}`,
    {
      exit: EXIT.unavailable,
      hint: `Whoever made it should rename it, or delete it: nft delete ${kind} ${TABLE.family} ${TABLE.name} ${name}`,
    },
  )
}

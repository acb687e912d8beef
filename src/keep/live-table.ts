/** `table inet filter` as it is beside what was armed: what about our own chains, sets and rules is not as it should be. Pure. */
import { APPENDED, CHAINS, TABLE } from '../arm/names.ts'
import type { Ruleset, SetSpec } from '../arm/ruleset/spec.ts'

/** What about a table stays as it is while packets come. */
export interface LiveTable {
  /** Of the kernel, as are the others: what is made anew gets another. */
  readonly handle: number
  /** None of its chains is in the path of any packet, since somebody has given it the flag dormant. */
  readonly isDormant: boolean
  readonly chains: readonly LiveChain[]
  readonly sets: readonly LiveSet[]
  /** The rules of those chains that were asked for, in their order. */
  readonly rules: ReadonlyMap<string, readonly LiveRule[]>
}

export interface LiveChain {
  readonly name: string
  readonly handle: number
  /** As a ChainSpec has it: `type filter hook input priority -10; policy accept;` */
  readonly hook?: string | undefined
}

export interface LiveSet {
  readonly name: string
  readonly handle: number
  readonly flags: readonly string[]
  /** Undefined: no bound. */
  readonly size?: number | undefined
  /** Seconds; undefined: what says none stays. */
  readonly timeout?: number | undefined
  /** Seconds; undefined: as the kernel likes. */
  readonly gcInterval?: number | undefined
  /** Each element counts its packets. */
  readonly counter?: boolean | undefined
}

export interface LiveRule {
  readonly handle: number
  readonly comment?: string | undefined
}

/** What was armed. */
export interface Wanted {
  readonly ruleset: Ruleset
  /** The administrator's chains that shall have the jump, as their last rule. */
  readonly chains: readonly string[]
}

/** What is not as it should be, in words: `chain flypaper_early has policy drop`. None for a trap that is whole. */
export function faultsOf(table: LiveTable | undefined, { ruleset, chains }: Wanted): readonly string[] {
  if (table === undefined) return [`table ${TABLE.family} ${TABLE.name} is gone`]
  return [...chainFaults(table, ruleset), ...setFaults(table, ruleset), ...jumpFaults(table, chains)]
}

function chainFaults(table: LiveTable, { chains }: Ruleset): string[] {
  const live = new Map(table.chains.map(chain => [chain.name, chain]))
  const wanted = new Map<string, string | undefined>(chains.map(({ name, hook }) => [name, hook]))
  return CHAINS.flatMap(name => {
    const chain = live.get(name)
    if (!wanted.has(name))
      return chain?.hook === undefined ? [] : [`there is a chain ${name} with ${chain.hook}`]
    if (chain === undefined) return [`chain ${name} is missing`]
    return chain.hook === wanted.get(name) ? [] : [`chain ${name} has ${chain.hook ?? 'no hook'}`]
  })
}

function setFaults(table: LiveTable, { sets }: Ruleset): string[] {
  const live = new Map(table.sets.map(set => [set.name, set]))
  return sets.flatMap(wanted => {
    const set = live.get(wanted.name)
    return set === undefined ? [`set ${wanted.name} is missing`] : attributeFaults(wanted, set)
  })
}

function attributeFaults(wanted: SetSpec, live: LiveSet): string[] {
  const yesOrNo = (value = false) => (value ? 'yes' : 'no')
  const text = (value: number | undefined, unit = '') => (value === undefined ? 'none' : `${value}${unit}`)
  const compared = [
    ['flags', [...live.flags].sort().join(', '), [...(wanted.flags ?? [])].sort().join(', ')],
    ['size', text(live.size), text(wanted.size)],
    ['timeout', text(live.timeout, 's'), text(wanted.timeout, 's')],
    ['gc-interval', text(live.gcInterval, 's'), text(undefined)],
    ['counter', yesOrNo(live.counter), yesOrNo(wanted.counter)],
  ] as const
  return compared
    .filter(([, is, shouldBe]) => is !== shouldBe)
    .map(([what, is, shouldBe]) => `set ${wanted.name} has ${what} ${is}, not ${shouldBe}`)
}

/** Whatever stands behind the jump that we appended may accept what is an offence by then. */
function jumpFaults({ rules }: LiveTable, chains: readonly string[]): string[] {
  return chains
    .filter(chain => {
      const comments = (rules.get(chain) ?? []).map(({ comment }) => comment)
      return comments.includes(APPENDED) && comments.indexOf(APPENDED) < comments.length - 1
    })
    .map(chain => `chain ${chain} has rules behind the jump to the trap`)
}

/** The handles of everything that is ours: another one, and it was made anew, or is gone. */
export function identityOf(
  table: LiveTable | undefined,
  { ruleset, chains }: Wanted,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (table === undefined) return found
  const ours = new Set<string>([...ruleset.chains, ...ruleset.sets].map(({ name }) => name))
  found.set(`table ${TABLE.family} ${TABLE.name}`, String(table.handle))
  for (const { name, handle } of table.chains) if (ours.has(name)) found.set(`chain ${name}`, String(handle))
  for (const { name, handle } of table.sets) if (ours.has(name)) found.set(`set ${name}`, String(handle))
  for (const [chain, rules] of table.rules) {
    const kept = chains.includes(chain) ? rules.filter(({ comment }) => comment === APPENDED) : rules
    found.set(
      `chain ${chain}`,
      `${found.get(`chain ${chain}`) ?? ''}: ${kept.map(({ handle }) => handle).join()}`,
    )
  }
  return found
}

/** Arms the trap. Each step is one transaction of the kernel: done, or not begun. */
import type { Mode, Settings } from '../settings/settings.ts'
import { parsePrefix } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { piecesOf } from '../terms/pieces.ts'
import { disarm, removing } from './disarm.ts'
import type { Change, Firewall, RuleView, TableView } from './firewall.ts'
import { elementsOf, flyChanges, newFlyChanges, type TimedFly } from './flies.ts'
import { APPENDED, ENTRANCES, isOurs } from './names.ts'
import type { Near } from './near.ts'
import { render } from './ruleset/render.ts'
import type { Ruleset } from './ruleset/spec.ts'
import {
  knownChanges,
  NFPROTO,
  neighbourhoodChanges,
  type Surroundings,
  surroundingChanges,
} from './surroundings.ts'
import { checkFlags } from './table-flags.ts'
import { checkNames } from './taken-names.ts'

/** When the trap is armed again, the rules wait for so many flies. */
export const FLIES_AT_ONCE = 10_000
/** Flies of one transaction: so few are garbage before the small nursery is full, and more cost the kernel hardly less for each. */
const PIECE = 250

export interface Arms {
  readonly firewall: Firewall
  readonly surroundings: Surroundings
  readonly settings: Settings & { readonly closed: Mode }
  readonly ruleset: Ruleset
  readonly near: Near
  /** Who is to be in the sets from the first moment on. */
  readonly flies: () => Iterable<TimedFly>
  /** Those of them that are whole prefixes; undefined: whatever is in the sets stays. */
  readonly nets?: () => readonly TimedFly[] | undefined
  /** Whom and what this machine had to do with before it was disarmed or booted. */
  readonly recalled: readonly Change[]
  /** Seconds in which nobody is judged. */
  readonly grace: number
  /** Called when the sets hold the flies, before the rules come. */
  readonly filled?: () => void
}

export interface ArmOptions {
  /** The sets hold the flies already. */
  readonly skipRestore?: boolean
  /** Somebody has flushed the ruleset: his chains may come later, and their jumps then. */
  readonly isRearm?: boolean
}

export interface Arming {
  /** `made`: there was no `table inet filter` before; `ours`: nothing but ours was in it; `shared`: others use it. */
  readonly table: 'made' | 'ours' | 'shared'
  /** The sets were made just now, and hold the flies and nobody else. */
  readonly isFresh: boolean
}

/**
 * First come the sets and what spares the innocent (who is connected, which ports are served, who is near), then
 * the flies, then the rules: nobody is judged before those are known, and no fly is free for a moment. A trap
 * that is armed already is renewed without a gap. When it is armed again, of many flies the first FLIES_AT_ONCE are put
 * into the sets: the rules shall not wait for all of them.
 */
export function arm(arms: Arms, { skipRestore = false, isRearm = false }: ArmOptions = {}): Arming {
  const { firewall, settings, ruleset, flies, filled } = arms
  const before = firewall.look()
  checkFlags(before)
  const wasArmed = before !== undefined && isArmed(before)
  const rules = withoutElements(ruleset)
  const hadSets = before?.sets.some(isFlypaper) === true
  if (isRearm) checkKernel(firewall, settings.closed)
  else checkArming(arms, before)
  try {
    const outgrown = outgrownSets(ruleset, before)
    const sparing = sparingChanges(arms, wasArmed && !isRearm)
    // Later kernels give a set that is declared again another size in its place: a million flies stay where they are.
    const isDeclared = !outgrown.some(({ hasOtherFlags }) => hasOtherFlags)
    if (isDeclared) {
      firewall.load(render({ ...rules, chains: [], absent: [] }))
      firewall.change(sparing)
    }
    const still = outgrown.length > 0 ? outgrownSets(ruleset, firewall.look()) : []
    if (still.length > 0) {
      firewall.load(
        render(
          rules,
          still.map(({ name }) => name),
          elementsOf(flies()),
        ),
      )
      firewall.change(sparing)
    }
    if (hadSets) firewall.change(netChanges(arms.nets?.()))
    if (!skipRestore) putIn(firewall, flies(), { hadSets, isRearm })
    filled?.()
    firewall.load(render(rules))
    const table = firewall.look()
    firewall.change([...jumpChanges(settings, table), ...leftovers(ruleset, table)])
  } catch (error) {
    // Half a trap is worse than none; a trap that was there before stays as it was.
    if (!wasArmed) disarm(firewall, { keepFlies: hadSets, madeTable: before === undefined })
    throw error
  }
  const table = before === undefined ? 'made' : isOnlyOurs(before) ? 'ours' : 'shared'
  return { table, isFresh: !hadSets && !isRearm }
}

/** What spares the innocent: who is near, which ports are served, who is connected, what was known before. */
function sparingChanges(
  { surroundings, settings, ruleset, near, recalled, grace }: Arms,
  wasArmed: boolean,
): Change[] {
  return [
    ...elementChanges(ruleset),
    ...neighbourhoodChanges(near.neighbourhood, settings.never),
    ...surroundingChanges(surroundings, settings.closed),
    ...(wasArmed ? [] : recalled),
    ...knownChanges(surroundings.connected(), near.nameFly),
    ...graceChanges(grace),
  ]
}

/** What the sets hold by the settings goes in by itself: for elements in a text libnftables may fetch those of everybody's sets. */
function withoutElements(ruleset: Ruleset): Ruleset {
  return { ...ruleset, sets: ruleset.sets.map(({ elements: _, ...set }) => set) }
}

function elementChanges({ sets }: Ruleset): readonly Change[] {
  return sets.flatMap(({ name, elements }): readonly Change[] => {
    if (elements === undefined) return []
    const prefixes = elements.map(text => ({ element: parsePrefix(text)! }))
    return [
      { change: 'empty', set: name },
      { change: 'add', set: name, elements: prefixes },
    ]
  })
}

/** A whole prefix comes and goes by the daemon alone: whatever else is there would overlap it, or lock out whom nobody knows of. */
function netChanges(nets: readonly TimedFly[] | undefined): Change[] {
  if (nets === undefined) return []
  const emptied = (['flypaper_nets', 'flypaper_nets6'] as const).map(
    set => ({ change: 'empty', set }) as const,
  )
  return [...emptied, ...newFlyChanges(nets)]
}

function isFlypaper({ name }: { readonly name: string }): boolean {
  return name === 'flypaper'
}

/**
 * In several transactions: no rule that drops anybody else is there yet, so that nobody sees a part of them. What was in
 * the sets before may have another time.
 */
function putIn(
  firewall: Firewall,
  flies: Iterable<TimedFly>,
  { hadSets, isRearm }: { hadSets: boolean; isRearm: boolean },
): void {
  let count = 0
  for (const piece of piecesOf(flies, PIECE)) {
    firewall.change(hadSets ? flyChanges(piece) : newFlyChanges(piece))
    count += piece.length
    if (isRearm && count >= FLIES_AT_ONCE) return
  }
}

function isOnlyOurs({ chains, sets, others }: TableView): boolean {
  return others.length === 0 && [...chains, ...sets].every(({ name }) => isOurs(name))
}

/** Armed: the early chain is in the path of all traffic, which no chain of a table that sleeps is. */
export function isArmed(table: TableView): boolean {
  if (table.flags?.includes('dormant')) return false
  return table.chains.some(chain => chain.name === 'flypaper_early' && chain.hook === 'prerouting')
}

/** A live set cannot change its flags, and before kernel 6.12 not its size: it must be made anew. */
function outgrownSets(
  { sets }: Ruleset,
  table: TableView | undefined,
): { readonly name: string; readonly hasOtherFlags: boolean }[] {
  const isDynamic = (flags: readonly string[] = []) => flags.includes('dynamic')
  return sets.flatMap(({ name, flags, size }) => {
    const live = table?.sets.find(set => set.name === name)
    if (live === undefined) return []
    const hasOtherFlags = isDynamic(flags) !== isDynamic(live.flags)
    return hasOtherFlags || (size !== undefined && live.size !== size) ? [{ name, hasOtherFlags }] : []
  })
}

/** Chains and sets of another mode, which nothing enters or asks any more. */
function leftovers(ruleset: Ruleset, table: TableView | undefined): readonly Change[] {
  if (table === undefined) return []
  const wanted = [...ruleset.chains, ...ruleset.sets].map(({ name }) => name as string)
  return removing(table, name => !wanted.includes(name)).changes
}

/** Nobody is judged for so many seconds; 0 ends that. */
export function graceChanges(seconds: number): readonly Change[] {
  const elements = seconds > 0 ? NFPROTO.map(element => ({ element, seconds })) : []
  return [
    { change: 'empty', set: 'flypaper_grace' },
    { change: 'add', set: 'flypaper_grace', elements },
  ]
}

/** Throws a Failure for what would keep the trap from being armed by these settings; changes nothing. */
export function checkArming(
  { firewall, settings, ruleset }: Pick<Arms, 'firewall' | 'settings' | 'ruleset'>,
  table: TableView | undefined = firewall.look(),
): void {
  checkFlags(table)
  checkKernel(firewall, settings.closed)
  checkNames(ruleset, table)
  checkChains(settings, table)
}

/** In every mode a late packet is let through to its socket; without that, arming would cut living connections. */
function checkKernel(firewall: Firewall, mode: Mode): void {
  if (!firewall.supports('socket')) {
    throw new Failure('this kernel cannot tell whether a socket listens: it lacks the module nft_socket', {
      exit: EXIT.unavailable,
      hint: 'Load it (modprobe nft_socket), or use a kernel that has it: any distribution kernel since 4.18.',
    })
  }
  if (mode === 'unaccepted' && !firewall.supports('log')) {
    throw new Failure(
      'closed = "unaccepted" needs log to a group, whatever `capture` is: this kernel lacks the modules nft_log and nfnetlink_log',
      {
        exit: EXIT.unavailable,
        hint: 'Load them (modprobe nft_log nfnetlink_log), or write closed = "listening" in the settings.',
      },
    )
  }
}

function checkChains(settings: Settings, table: TableView | undefined): void {
  for (const way of ['input', 'forward'] as const) {
    for (const name of settings.chains[way]) {
      const chain = table?.chains.find(one => one.name === name)
      if (chain === undefined) throw noChain(name, way)
      if (chain.policy === 'accept') throw acceptingChain(name, way)
    }
  }
}

function noChain(name: string, way: string): Failure {
  return new Failure(
    `the settings name the chain ${name} for ${way}, but table inet filter has no such chain`,
    {
      exit: EXIT.settings,
      hint: 'Load your own firewall first, correct the name under [chains], or take it out there: then nothing is appended. A jump can only come from a chain of the same table.',
    },
  )
}

/** A jump at its end would make an offence of everything that comes by the policy, legal clients among it. */
function acceptingChain(name: string, way: string): Failure {
  return new Failure(
    `the settings name the chain ${name} for ${way}, but its policy is to accept: what none of its rules takes is not closed`,
    {
      exit: EXIT.settings,
      hint: 'Give the chain "policy drop" and rules for what may come in, take its name out of [chains] (closed = "listening" needs no chain), or write the jump yourself, under a condition.',
    },
  )
}

/** The jumps that the settings want and nobody has written, and those of earlier settings that they want no more. */
function jumpChanges(settings: Settings, table: TableView | undefined): readonly Change[] {
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

/** Arms the trap. Each step is one transaction of the kernel: done, or not begun. */
import type { Mode, Settings } from '../settings/settings.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { BY_HAND_SETS, type Fly } from '../terms/fly.ts'
import { piecesOf } from '../terms/pieces.ts'
import type { PrefixSet } from '../terms/prefix-set.ts'
import { disarm, removing } from './disarm.ts'
import type { Change, Firewall, TableView } from './firewall.ts'
import { byHandChanges, elementsOf, flyChanges, newFlyChanges, type TimedFly } from './flies.ts'
import { apartFromIngress, checkIngress, clearIngress, loadIngress, staysAtIngress } from './ingress.ts'
import { jumpChanges } from './jumps.ts'
import { fillListed, type Listed } from './listed.ts'
import { connectedHosts, renew } from './met.ts'
import { isOurs } from './names.ts'
import type { Near } from './near.ts'
import { outgrownSets, refuseMany } from './outgrown.ts'
import { render } from './ruleset/render.ts'
import type { Ruleset } from './ruleset/spec.ts'
import {
  type ConditionalDoors,
  conditionalChanges,
  forgottenChanges,
  graceChanges,
  NO_CONDITIONAL,
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
  /** Who is never locked out by the settings. */
  readonly never: PrefixSet
  /** Who is to be in the sets from the first moment on. */
  readonly flies: () => Iterable<TimedFly>
  /** Those of them that are whole prefixes; undefined: whatever is in the sets stays. */
  readonly nets?: () => readonly TimedFly[] | undefined
  readonly isFly?: (fly: Fly) => boolean
  /** Those of the hosts that a person has locked out. */
  readonly byHand?: () => readonly TimedFly[]
  /** Whom and what this machine had to do with before it was disarmed or booted. */
  readonly recalled: readonly Change[]
  /** What is excusable beside what the set has. */
  readonly excuses?: () => readonly Change[]
  /** Ports that rules of others open under conditions. */
  readonly conditional?: ConditionalDoors
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
  /** What the sets of the never-list hold by the policy in force; without: whatever is in them. */
  readonly listed?: Listed
  /** The daemon that asks has to judge meanwhile: what would let it stand still for long is refused. */
  readonly isJudging?: boolean
}

export interface Arming {
  /** `made`: there was no `table inet filter` before; `ours`: nothing but ours was in it; `shared`: others use it. */
  readonly table: 'made' | 'ours' | 'shared'
  /** The sets were made just now, and hold the flies and nobody else. */
  readonly isFresh: boolean
  /** Why nothing is dropped at ingress where something should be; the trap is armed all the same. */
  readonly refused?: unknown
}

/**
 * First come the sets and what spares the innocent (who is connected, which ports are served, who is near), then
 * the flies, then the rules: nobody is judged before those are known, and no fly is free for a moment. A trap
 * that is armed already is renewed without a gap. When it is armed again, of many flies the first FLIES_AT_ONCE are put
 * into the sets: the rules shall not wait for all of them.
 */
export function arm(arms: Arms, options: ArmOptions = {}): Arming {
  const { skipRestore = false, isRearm = false, isJudging = false, listed } = options
  const { firewall, settings, surroundings, near, never, ruleset, flies, filled, isFly } = arms
  const before = firewall.look()
  checkFlags(before)
  const wasArmed = before !== undefined && isArmed(before)
  const { rules, ingress } = apartFromIngress(withoutElements(ruleset))
  const hadSets = before?.sets.some(isFlypaper) === true
  if (isRearm) checkKernel(firewall, settings)
  else checkArming(arms, before)
  let refused: unknown
  try {
    if (!staysAtIngress(ruleset, before)) clearIngress(firewall, before)
    const fill = () => fillListed(firewall, { never, singles: near.singles }, before, listed)
    const sparing = sparingChanges(arms, wasArmed && !isRearm)
    const { isRemade, remade } = makeSets({ ...arms, isJudging }, rules, before, { fill, sparing })
    renew(firewall, connectedHosts(surroundings.connected(), near.nameFly, isFly))
    if (hadSets) firewall.change(netChanges(arms.nets?.()))
    const areRestored = !skipRestore || isRemade
    const hadByHand = hasAll(before, BY_HAND_SETS) && !BY_HAND_SETS.some(set => remade.includes(set))
    if (areRestored || !hadByHand) putInByHand(firewall, arms.byHand?.() ?? [], isRearm)
    if (areRestored) putIn(firewall, flies(), { hadSets, isRearm })
    filled?.()
    firewall.load(render(rules))
    // Its rules may still ask what is left over.
    refused = loadIngress(firewall, ingress)
    const table = firewall.look()
    firewall.change([...jumpChanges(settings, table), ...leftovers(ruleset, table)])
  } catch (error) {
    // Half a trap is worse than none; a trap that was there before stays as it was.
    if (!wasArmed) disarm(firewall, { keepFlies: hadSets, madeTable: before === undefined })
    throw error
  }
  const table = before === undefined ? 'made' : isOnlyOurs(before) ? 'ours' : 'shared'
  return { table, isFresh: !hadSets && !isRearm, ...(refused !== undefined && { refused }) }
}

/**
 * Declares the sets, and makes anew those that cannot become what is wanted in their place. Where rules ask these, they go and come in
 * one transaction with the flies; else nobody is shut out by them, and `isRemade` tells that the flies are to be put in. `remade`: their names.
 */
function makeSets(
  { firewall, flies, ruleset, isJudging }: Arms & { readonly isJudging: boolean },
  rules: Ruleset,
  before: TableView | undefined,
  { fill, sparing }: { readonly fill: () => void; readonly sparing: readonly Change[] },
): { readonly isRemade: boolean; readonly remade: readonly string[] } {
  const outgrown = outgrownSets(ruleset, before)
  const setsAlone = { ...rules, chains: [], absent: [] }
  // Later kernels give a set that is declared again another size in its place: a million flies stay where they are.
  const isDeclared = !outgrown.some(({ isOther }) => isOther)
  if (isDeclared) {
    firewall.load(render(setsAlone))
    fill()
    firewall.change(sparing)
  }
  const still = (outgrown.length > 0 ? outgrownSets(ruleset, firewall.look()) : []).map(({ name }) => name)
  if (still.length === 0) return { isRemade: false, remade: [] }
  const areAsked = before?.rules.some(({ sets }) => sets.some(name => still.includes(name))) === true
  if (areAsked && isJudging) refuseMany(flies())
  firewall.load(areAsked ? render(rules, still, elementsOf(flies())) : render(setsAlone, still))
  // What the lists fill has no size, so it stays wherever the sets could be declared.
  if (!isDeclared) fill()
  firewall.change(sparing)
  return { isRemade: !areAsked, remade: still }
}

/** What spares the innocent: who is near, which ports are served, what was known before. */
function sparingChanges(
  { surroundings, settings, near, recalled, excuses, conditional = NO_CONDITIONAL, grace }: Arms,
  wasArmed: boolean,
): Change[] {
  return [
    ...neighbourhoodChanges(near.neighbourhood, settings),
    ...(excuses?.() ?? []),
    ...surroundingChanges(surroundings, settings, conditional),
    ...conditionalChanges(conditional, settings.closed),
    ...(wasArmed ? [] : [...recalled, ...forgottenChanges]),
    ...graceChanges(grace),
  ]
}

/** What the sets hold by the settings goes in by itself: for elements in a text libnftables may fetch those of everybody's sets. */
function withoutElements(ruleset: Ruleset): Ruleset {
  return { ...ruleset, sets: ruleset.sets.map(({ elements: _, ...set }) => set) }
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

function hasAll(table: TableView | undefined, names: readonly string[]): boolean {
  return names.every(name => table?.sets.some(set => set.name === name))
}

/** As flies are; those beyond FLIES_AT_ONCE come back with them. */
function putInByHand(firewall: Firewall, flies: readonly TimedFly[], isRearm: boolean): void {
  firewall.change(BY_HAND_SETS.map(set => ({ change: 'empty', set }) as const))
  for (const piece of piecesOf(isRearm ? flies.slice(0, FLIES_AT_ONCE) : flies, PIECE))
    firewall.change(byHandChanges(piece))
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

/** Chains and sets of another mode, which nothing enters or asks any more. */
function leftovers(ruleset: Ruleset, table: TableView | undefined): readonly Change[] {
  if (table === undefined) return []
  const wanted = [...ruleset.chains, ...ruleset.sets].map(({ name }) => name as string)
  return removing(table, name => !wanted.includes(name)).changes
}

/** Throws a Failure for what would keep the trap from being armed by these settings; changes nothing. */
export function checkArming(
  { firewall, settings, ruleset }: Pick<Arms, 'firewall' | 'settings' | 'ruleset'>,
  table: TableView | undefined = firewall.look(),
): void {
  checkFlags(table)
  checkKernel(firewall, settings)
  checkNames(ruleset, table)
  checkChains(settings, table)
}

/** In every mode a late packet is let through to its socket; without that, arming would cut living connections. */
function checkKernel(firewall: Firewall, settings: Settings): void {
  if (!firewall.supports('socket')) {
    throw new Failure('this kernel cannot tell whether a socket listens: it lacks the module nft_socket', {
      exit: EXIT.unavailable,
      hint: 'Load it (modprobe nft_socket), or use a kernel that has it: any distribution kernel since 4.18.',
    })
  }
  checkIngress(firewall, settings)
  if (settings.closed === 'unaccepted' && !firewall.supports('log')) {
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

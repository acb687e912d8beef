/** All that history, kernel and settings know of a source. */
import type { Firewall } from '../arm/firewall.ts'
import type { LockoutRow } from '../history/lockout-row.ts'
import type { PastReading } from '../history/reading.ts'
import type { AlsoTried } from '../history/samples.ts'
import type { Sighting } from '../judge/sightings.ts'
import { namesOf } from '../lockout/flies.ts'
import { type Held, heldNow } from '../lockout/hold.ts'
import type { NeverEntryFacts } from '../settings/never-by-hand.ts'
import type { Settings } from '../settings/settings.ts'
import { type Address, overlaps, type Prefix, widen } from '../terms/address.ts'
import { Failure } from '../terms/failure.ts'
import { elementOf, type Fly, prefixOf } from '../terms/fly.ts'
import { TOLD_MAX } from './control/past-protocol.ts'
import { neverEntry } from './never-entry.ts'
import type { Reachable } from './reachable.ts'

export interface Known {
  /** As it was asked for. */
  readonly who: string
  /** Newest first. */
  readonly lockouts: readonly LockoutRow[]
  /** Prefixes around it that are locked out by hand. */
  readonly around: readonly LockoutRow[]
  readonly sightings: readonly Sighting[]
  /** What it went on to try, as far as the kernel told. */
  readonly alsoTried?: AlsoTried | undefined
  readonly held: Held | undefined
  /** Whether the kernel could be asked. */
  readonly isAsked: boolean
  /** Packets of it that were dropped since the kernel's set has it; undefined where none are counted. */
  readonly packets?: number | undefined
  /** The entry of the never-list that it meets. */
  readonly never: string | undefined
  /** The same, where it is there by hand. */
  readonly neverByHand?: NeverEntryFacts | undefined
  /** The names of the settings by which it is known. */
  readonly names?: readonly string[] | undefined
  /** From the history of dry runs, by which nobody is locked out. */
  readonly dryRun?: boolean
  /** The sum that it takes to be locked out. */
  readonly threshold: number
  /** What whoever sticks still reaches here. */
  readonly reachable: Reachable
}

/** Who is known by a name of the settings. */
export interface NamedFact {
  readonly name: string
  readonly hosts: readonly string[]
}

export interface Knowing {
  readonly reading: PastReading
  readonly settings: Settings
  readonly reachable: Reachable
  /** As the running daemon tells; nobody is known by a name without one. */
  readonly names: readonly NamedFact[]
  readonly now: number
  /** Throws a Failure where it cannot be asked. */
  kernel<T>(ask: (firewall: Firewall) => Promise<T>): Promise<T>
}

export async function knownOf(
  who: string,
  prefix: Prefix,
  { reading, settings, reachable, names: named, now, kernel }: Knowing,
): Promise<Known> {
  const names = [prefix.text, ...(prefix.family === 6 ? [widen(prefix, 64).text] : [])]
  return {
    who,
    ...(await storyOf(reading, prefix, names, now)),
    sightings: await reading.sightingsOf(names),
    alsoTried: await reading.sampleOf(names),
    ...(await inKernel(kernel, prefix)),
    names: namesFor(named, prefix),
    ...neverOf(settings, prefix),
    threshold: settings.evidence.threshold,
    reachable,
  }
}

function neverOf(settings: Settings, prefix: Prefix): Pick<Known, 'never' | 'neverByHand'> {
  const met = neverEntry(settings, prefix)
  return { never: met?.text, ...(met?.byHand && { neverByHand: met.byHand }) }
}

/** Goes through the whole history, newest first. */
async function storyOf(
  reading: PastReading,
  prefix: Prefix,
  names: readonly string[],
  now: number,
): Promise<Pick<Known, 'lockouts' | 'around'>> {
  const lockouts: LockoutRow[] = []
  const around: LockoutRow[] = []
  let before: number | undefined
  do {
    const { rows, next } = await reading.storyPage(names, now, before)
    for (const row of rows)
      if (!names.includes(row.source)) {
        if (overlaps(prefix, prefixOf(row.source))) around.push(row)
      } else if (lockouts.length < TOLD_MAX) lockouts.push(row)
    before = next
  } while (before !== undefined)
  return { lockouts, around }
}

/** An IPv6 host is known as its /64 is. */
function namesFor(named: readonly NamedFact[], prefix: Prefix): readonly string[] {
  const isMet = (host: string) =>
    overlaps(prefixOf(host as Fly), prefix.family === 6 ? widen(prefix, 64) : prefix)
  return named.filter(({ hosts }) => hosts.some(isMet)).map(({ name }) => name)
}

/** Whoever may read the history need not be able to ask the kernel. */
async function inKernel(
  kernel: Knowing['kernel'],
  prefix: Prefix,
): Promise<Pick<Known, 'held' | 'isAsked' | 'packets'>> {
  try {
    return await kernel(async firewall => {
      const [held] = await heldNow(firewall, [prefix])
      return { held, isAsked: true, packets: packetsOf(firewall, prefix) }
    })
  } catch (error) {
    if (error instanceof Failure) return { held: undefined, isAsked: false }
    throw error
  }
}

/** What was counted of the flies that it is, where the set counts. */
function packetsOf(firewall: Firewall, prefix: Prefix): number | undefined {
  for (const fly of namesOf(prefix)) {
    const { set, element } = elementOf(fly)
    const [found] = firewall.ask(set as 'flypaper' | 'flypaper6', [element as Address])
    if (found !== undefined) return found.packets
  }
  return undefined
}

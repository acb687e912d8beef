/**
 * Where the settings want it, a suspect prefix is locked out whole: for ten minutes at most, and not where anybody is known. Who is, the kernel's sets
 * tell, which are read in pieces, once for all that wait. docs/decisions/0064-breadth.md
 */
import type { Captured } from '../capture/capture.ts'
import type { Packet } from '../decode/packet.ts'
import { whatOf } from '../judge/evidence.ts'
import { overlaps, type Prefix } from '../terms/address.ts'
import type { Seconds } from '../terms/duration.ts'
import { elementMeets, type Fly, prefixOf } from '../terms/fly.ts'
import { prefixSet } from '../terms/prefix-set.ts'
import { isPaused, type Weighing } from './daemon.ts'
import { lockOut } from './lock-out.ts'

/** The longest that a prefix is locked out by packets: each of them can be forged. */
const LONGEST = 600 as Seconds
/** Prefixes that wait until it is known who lives there; further ones are not locked out. */
export const WHOLE_WAITING_MAX = 64
/** Prefixes that are locked out at the same time, of those and by people: the latter have more room (NETS_MAX). */
export const WHOLE_MAX = 500

const ACQUAINTED = ['flypaper_known6', 'flypaper_peers6'] as const

export interface Suspect {
  readonly prefix: Prefix
  /** The last of its closed ports. */
  readonly packet: Packet
  readonly hook: Captured['hook']
}

/** Those that wait, and those that are asked for now. */
export interface WholePrefixes {
  readonly waiting: Map<string, Suspect>
  isAsking: boolean
}

export function lockWhole(daemon: Weighing, suspect: Suspect): void {
  const { whole } = daemon.state
  if (whole.waiting.size < WHOLE_WAITING_MAX) whole.waiting.set(suspect.prefix.text, suspect)
  if (whole.isAsking) return
  whole.isAsking = true
  askAndLock(daemon)
    .catch(error => daemon.alarms.background(`suspect prefixes cannot be locked out: ${String(error)}`))
    .finally(() => {
      whole.isAsking = false
    })
}

async function askAndLock(daemon: Weighing): Promise<void> {
  const { state, world, ended } = daemon
  const { waiting } = state.whole
  while (waiting.size > 0 && !ended.aborted) {
    const suspects = [...waiting.values()]
    waiting.clear()
    const strange = await withoutKnown(daemon, suspects)
    const now = world.now()
    if (ended.aborted || isPaused(state, now) || !state.policy.settings.lockout.wholePrefixes) return
    const offences = lockable(daemon, strange, now).map(one => offenceOf(daemon, one))
    if (offences.length > 0) lockOut(daemon, offences, now)
  }
}

/** Those in which nobody is a known client, or a host that we talk to. */
async function withoutKnown({ world }: Weighing, suspects: readonly Suspect[]): Promise<readonly Suspect[]> {
  let left = suspects.map(({ prefix }) => prefix)
  for (const set of ACQUAINTED)
    await world.firewall.read(set, key => {
      if (elementMeets(key, prefixSet(left))) left = left.filter(one => !elementMeets(key, prefixSet([one])))
      return false
    })
  return suspects.filter(({ prefix }) => left.includes(prefix))
}

/** What is not ours, and no two that overlap: the set of intervals takes none that do. */
function lockable(daemon: Weighing, suspects: readonly Suspect[], now: number): readonly Suspect[] {
  const nets = daemon.state.flies.nets(now).map(prefixOf)
  const taken = prefixSet(nets)
  const chosen: Suspect[] = []
  for (const one of suspects) {
    const { prefix } = one
    const isFree = !taken.overlaps(prefix) && !chosen.some(other => overlaps(other.prefix, prefix))
    if (isFree && nets.length + chosen.length < WHOLE_MAX && !isNearby(daemon, prefix)) chosen.push(one)
  }
  return chosen
}

function offenceOf({ state }: Weighing, { prefix, packet, hook }: Suspect) {
  const { closed } = state.policy.settings.evidence.stranger
  return {
    packet,
    fly: prefix.text as string as Fly,
    because: 'many-networks',
    grade: 'forgeable',
    evidence: [{ what: whatOf(packet.tried), weight: closed }],
    longest: LONGEST,
    hook,
  } as const
}

/** Our links, what is inside, and whoever is never judged. */
export function isNearby({ state }: Pick<Weighing, 'state'>, prefix: Prefix): boolean {
  const { near, inside } = state.policy
  return near.singles.overlaps(prefix) || inside.overlaps(prefix)
}

/**
 * Hosts in permanent use stay those that we talk to, and what we have open to who sticks goes on. To the kernel's rules only the first packet of a
 * connection tells something new, and only our own packets tell of a flow to a fly, so that packets cost nothing; of connections that live on,
 * conntrack is asked, piece by piece, while everything else goes on.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { presentSets } from '../arm/firewall.ts'
import { hostsInUse, renew, renewCalled } from '../arm/met.ts'
import { CALLED_SECONDS } from '../arm/ruleset/sets.ts'
import type { Address } from '../terms/address.ts'
import { prefixOf } from '../terms/fly.ts'
import { piecesOf } from '../terms/pieces.ts'
import { isIn } from '../terms/prefix-set.ts'
import type { Daemon } from './daemon.ts'
import type { World } from './world.ts'

/** Hosts whose time is renewed in one turn: some milliseconds. */
const PIECE = 500
/** So often within the time that a host or a flow is remembered: one reading may fail. */
const TIMES = 3
/** To read takes one part of the time in so many, at most. */
const REST = 5
/** Seconds between two readings at least: who sticks is told in bursts. */
const PACE_SECONDS = 0.2

/** Renews the time of all in use; resolves to the seconds until they are to be asked for again. */
export async function renewInUse(daemon: Daemon): Promise<number> {
  const { world, state, ended } = daemon
  const { settings } = state.policy
  const { hosts, called } = await world.surroundings.inUse({
    most: settings.sizes.peers,
    sticks: whoSticks(daemon),
  })
  const firewall = presentSets(world.firewall)
  for (const piece of piecesOf(called, PIECE)) {
    if (ended.aborted) break
    renewCalled(firewall, piece)
    await turn()
  }
  for (const piece of piecesOf(hosts, PIECE)) {
    if (ended.aborted) break
    renew(firewall, hostsInUse(piece, state.policy.near.nameFly))
    await turn()
  }
  return Math.min(state.policy.settings.peers, CALLED_SECONDS) / TIMES
}

/** By the index: nobody is a fly in a dry run, and of who is held alone it is over before it matters. */
function whoSticks({ world, state }: Daemon): (host: Address) => boolean {
  const { settings, near } = state.policy
  if (settings.dryRun) return () => false
  const nets = state.flies.nets(world.now()).map(prefixOf)
  return host => state.flies.get(near.nameFly(host), world.now()) !== undefined || isIn(host, nets)
}

export interface InUseClock extends Disposable {
  /** Asks soon: at once, unless it asks or has just asked. Who is in use since then is asked for as well. */
  now(): void
}

export function openInUseClock(
  renew: () => Promise<number>,
  { clock }: Pick<World, 'clock'>,
  failed: (error: unknown) => void,
): InUseClock {
  let timer: NodeJS.Timeout | undefined
  let isAsking = false
  let isAwaited = false
  let isOver = false
  let pause = 60
  let notBefore = Number.NEGATIVE_INFINITY

  async function ask(): Promise<void> {
    isAsking = true
    isAwaited = false
    const began = clock()
    try {
      pause = await renew()
    } catch (error) {
      if (!isOver) failed(error)
    }
    isAsking = false
    const ended = clock()
    notBefore = ended + Math.max(PACE_SECONDS, REST * (ended - began))
    if (!isOver) askIn(isAwaited ? 0 : pause)
  }

  function askIn(seconds: number): void {
    clearTimeout(timer)
    timer = setTimeout(ask, 1000 * Math.max(seconds, notBefore - clock())).unref()
  }

  return {
    now() {
      if (isAsking) isAwaited = true
      else if (!isOver) askIn(0)
    },
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

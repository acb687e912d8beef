/**
 * Hosts in permanent use stay those that we talk to. To the kernel's rules only the first packet of a connection tells something new, so that
 * packets cost nothing; of connections that live on, conntrack is asked, piece by piece, while everything else goes on.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { presentSets } from '../arm/firewall.ts'
import { hostsInUse, renew } from '../arm/met.ts'
import { piecesOf } from '../terms/pieces.ts'
import type { Daemon } from './daemon.ts'
import type { World } from './world.ts'

/** Hosts whose time is renewed in one turn: some milliseconds. */
const PIECE = 500
/** So often within the time that a host is remembered: one reading may fail. */
const TIMES = 3
/** To read takes one part of the time in so many, at most. */
const REST = 5

/** Renews the time of all in use; resolves to the seconds until they are to be asked for again. */
export async function renewInUse({ world, state, ended }: Daemon): Promise<number> {
  const { settings } = state.policy
  const hosts = await world.surroundings.inUse(settings.sizes.peers)
  const firewall = presentSets(world.firewall)
  for (const piece of piecesOf(hosts, PIECE)) {
    if (ended.aborted) break
    renew(firewall, hostsInUse(piece, state.policy.near.nameFly))
    await turn()
  }
  return state.policy.settings.peers / TIMES
}

export interface InUseClock extends Disposable {
  /** Asks now; while it does, nothing more. */
  now(): void
}

export function openInUseClock(
  renew: () => Promise<number>,
  { clock }: Pick<World, 'clock'>,
  failed: (error: unknown) => void,
): InUseClock {
  let timer: NodeJS.Timeout | undefined
  let isAsking = false
  let isOver = false
  let pause = 60

  async function ask(): Promise<void> {
    if (isAsking || isOver) return
    clearTimeout(timer)
    isAsking = true
    const began = clock()
    try {
      pause = await renew()
    } catch (error) {
      if (!isOver) failed(error)
    }
    isAsking = false
    if (!isOver) timer = setTimeout(ask, 1000 * Math.max(pause, REST * (clock() - began))).unref()
  }

  return {
    now: () => void ask(),
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

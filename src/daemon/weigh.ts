/** Packets that can be read are judged, and what counts against their sources becomes lockouts. A batch at once; its only clock is the world's. */
import type { Captured } from '../capture/capture.ts'
import type { Packet } from '../decode/packet.ts'
import { judge } from '../judge/judge.ts'
import type { Spare, Verdict } from '../judge/verdict.ts'
import { REST_SECONDS } from '../keep/rule-changes.ts'
import { commit } from '../lockout/commit.ts'
import { decision } from '../lockout/decide/decision.ts'
import type { Lockout } from '../lockout/lockout.ts'
import type { Offence } from '../lockout/offence.ts'
import type { Channel } from '../terms/channel.ts'
import type { Fly } from '../terms/fly.ts'
import { isPaused, type Weighing } from './daemon.ts'
import { lockOut } from './lock-out.ts'
import { learnServed, type Opened } from './served-now.ts'
import { breadthOf, suspect } from './suspects.ts'
import type { Suspect } from './whole-prefixes.ts'

/** A readable packet, and how it came. */
export interface Arrived {
  readonly packet: Packet
  readonly channel: Channel
  readonly hook: Captured['hook']
  /** For this machine, and no socket was seen that takes it. */
  readonly isUnserved?: boolean
  /** From the IP header on; left out where only addresses and ports are known. */
  readonly bytes?: Uint8Array
}

export interface Judged {
  readonly fly: Fly
  readonly verdict: Verdict
  /** It was a fly before. */
  readonly isAgain: boolean
}

export interface Weighed {
  readonly at: number
  readonly judged: readonly Judged[]
  /** Who is locked out now. */
  readonly entered: readonly Lockout[]
}

/** Undefined while the trap is paused. What was judged is told where `judged` is given. */
export function weigh(daemon: Weighing, arrived: readonly Arrived[], judged?: Judged[]): Weighed | undefined {
  const { state, tally, sightings } = daemon
  const { near, judging } = state.policy
  const at = daemon.world.now()
  if (isPaused(state, at)) return undefined
  const offences: Offence[] = []
  const innocents: Fly[] = []
  const suspects: Suspect[] = []
  const served: Opened[] = []
  const isAtRest = daemon.ruleChanges.rest() >= REST_SECONDS
  for (const { packet, channel, hook, isUnserved = false } of arrived) {
    const fly = near.nameFly(packet.source)
    const isServed = () => {
      const port = isUnserved
        ? daemon.servedNow.find(packet.tried, packet.destination, packet.source, isAtRest)
        : undefined
      if (port !== undefined) served.push({ port, fly })
      return port !== undefined
    }
    const verdict = judge({ packet, fly, channel, now: at, isServed }, judging, state.memory)
    judged?.push({ fly, verdict, isAgain: state.flies.get(fly, at) !== undefined })
    if (channel === 'offence' && verdict.verdict !== 'let-go')
      suspects.push(...breadthOf(state.breadth, fly, { packet, hook }, at))
    if (verdict.verdict === 'stick') {
      const { because, grade, evidence, longest } = verdict
      offences.push({ packet, fly, hook, because, grade, evidence, longest })
    } else {
      tally.spared(verdict.because)
      sightings.saw(fly, packet.tried, verdict, at)
      if (verdict.verdict === 'let-go' && isHoldOver(channel, verdict)) innocents.push(fly)
    }
  }
  learnServed(daemon, served)
  if (innocents.length > 0) commit(decision({ unhold: innocents }), daemon.ledger, at)
  const entered = offences.length > 0 ? lockOut(daemon, offences, at) : []
  if (suspects.length > 0) suspect(daemon, suspects)
  return { at, judged: judged ?? [], entered }
}

/**
 * Of weak evidence a port that is not the last proves nothing, neither for its source nor against: who is held was held for a later one, which
 * is judged soon. Any other reason to let go ends the hold.
 */
function isHoldOver(channel: Channel, { evidence }: Spare): boolean {
  return channel === 'offence' || evidence === undefined
}

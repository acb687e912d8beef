/** Packets become lockouts: readable (decode/), judged (judge/), decided on and carried out (lockout/). A batch at once. */
import type { Captured } from '../capture/capture.ts'
import type { Refused } from '../capture/refused.ts'
import { packetOf } from '../capture/refused-packet.ts'
import { decode } from '../decode/decode.ts'
import type { Packet } from '../decode/packet.ts'
import { isDoor } from '../doctor/conditional.ts'
import { judge } from '../judge/judge.ts'
import type { Spare } from '../judge/verdict.ts'
import { commit } from '../lockout/commit.ts'
import { decision } from '../lockout/decide/decision.ts'
import { isRoomy, type Room } from '../lockout/decide/room.ts'
import { stick } from '../lockout/decide/stick.ts'
import type { Offence } from '../lockout/offence.ts'
import { fullSentence } from '../log/sentence.ts'
import type { Address } from '../terms/address.ts'
import type { Channel } from '../terms/channel.ts'
import { elementOf, type Fly } from '../terms/fly.ts'
import { type Daemon, isPaused } from './daemon.ts'

/** A readable packet, and how it came. */
interface Arrived {
  readonly packet: Packet
  readonly channel: Channel
  readonly hook: Captured['hook']
}

const UDP = 17
/** For so long nobody looks again for somebody who could make room, when there was nobody. */
const NO_ROOM_MS = 1000

export function judgePackets(daemon: Daemon, batch: readonly Captured[]): void {
  const began = daemon.world.clock()
  const arrived: Arrived[] = []
  for (const { bytes, channel, hook } of batch) {
    const packet = decode(bytes)
    if ('unreadable' in packet) daemon.tally.spared('unreadable')
    else arrived.push({ packet, channel, hook })
  }
  weigh(daemon, arrived)
  daemon.tally.batch(batch.length, daemon.world.clock() - began)
}

/** What the chains of others refused; `pending` are the sources that the kernel holds for it. */
export function judgeRefused(
  daemon: Daemon,
  refused: readonly Refused[],
  pending: ReadonlySet<string>,
): void {
  const evidence = daemon.ruleChanges.evidence()
  if (evidence === 'later') {
    daemon.ruleChanges.later(isAtRest => weighRefused(daemon, refused, pending, isAtRest ? 'full' : 'none'))
  } else weighRefused(daemon, refused, pending, evidence)
}

function weighRefused(
  daemon: Daemon,
  all: readonly Refused[],
  pending: ReadonlySet<string>,
  evidence: 'full' | 'weak' | 'none',
): void {
  const began = daemon.world.clock()
  const { near, conditional } = daemon.state.policy
  const { nameFly, owns } = near
  // The rules may have said so only when the packet was on its way.
  const { refused = [], innocent = [] } = Object.groupBy(all, ({ protocol, port }) =>
    isDoor(conditional, protocol, port) ? 'innocent' : 'refused',
  )
  letPendingGo(daemon, evidence === 'full' ? innocent : all, pending)
  for (const _ of innocent) daemon.tally.spared('refused')
  if (evidence === 'none') {
    for (const _ of refused) daemon.tally.spared('refused')
    return
  }
  const held = evidence === 'full' ? heldForIt(daemon, refused, pending) : new Set()
  weigh(
    daemon,
    refused.map(one => {
      const isHeld = held.has(elementOf(nameFly(one.source)).element)
      const weak = one.protocol === UDP ? 'late' : 'refused'
      const hook = owns(one.destination) ? 'input' : 'forward'
      return { packet: packetOf(one), channel: isHeld ? 'offence' : weak, hook }
    }),
  )
  daemon.tally.batch(refused.length, daemon.world.clock() - began)
}

/** Hosts in use and known clients are never held for a refusal: who of them is pending is so for other ports that he tried. */
function heldForIt(
  daemon: Daemon,
  refused: readonly Refused[],
  pending: ReadonlySet<string>,
): ReadonlySet<unknown> {
  const { nameFly } = daemon.state.policy.near
  const elements = refused.map(({ source }) => elementOf(nameFly(source)).element as Address)
  const held = new Set(elements.filter(element => pending.has(String(element))))
  const { four = [], six = [] } = Object.groupBy(held, element => (element.includes(':') ? 'six' : 'four'))
  const { firewall } = daemon.world
  for (const [set, those] of [
    ['flypaper_peers', four],
    ['flypaper_known', four],
    ['flypaper_peers6', six],
    ['flypaper_known6', six],
  ] as const)
    if (those.length > 0) for (const { element } of firewall.ask(set, those)) held.delete(element)
  return held
}

/** While others write their rules, one that should let him in may be missing for a moment. */
function letPendingGo(daemon: Daemon, refused: readonly Refused[], pending: ReadonlySet<string>): void {
  const { nameFly } = daemon.state.policy.near
  const flies = refused.map(({ source }) => nameFly(source))
  const unhold = flies.filter(fly => pending.has(String(elementOf(fly).element)))
  if (unhold.length > 0) commit(decision({ unhold: [...new Set(unhold)] }), daemon.ledger, daemon.world.now())
}

function weigh(daemon: Daemon, arrived: readonly Arrived[]): void {
  const { state, tally, sightings } = daemon
  const { near, judging } = state.policy
  const at = daemon.world.now()
  if (isPaused(state, at)) return
  const offences: Offence[] = []
  const innocents: Fly[] = []
  for (const { packet, channel, hook } of arrived) {
    const fly = near.nameFly(packet.source)
    const verdict = judge({ packet, fly, channel, now: at }, judging, state.memory)
    if (verdict.verdict === 'stick') {
      const { because, grade, evidence, longest } = verdict
      offences.push({ packet, fly, hook, because, grade, evidence, longest })
    } else {
      tally.spared(verdict.because)
      sightings.saw(fly, packet.tried, verdict, at)
      if (verdict.verdict === 'let-go' && isHoldOver(channel, verdict)) innocents.push(fly)
    }
  }
  if (innocents.length > 0) commit(decision({ unhold: innocents }), daemon.ledger, at)
  if (offences.length > 0) lockOut(daemon, offences, at)
}

/**
 * Of weak evidence a port that is not the last proves nothing, neither for its source nor against: who is held was held for a later one, which
 * is judged soon. Any other reason to let go ends the hold.
 */
function isHoldOver(channel: Channel, { evidence }: Spare): boolean {
  return channel === 'offence' || evidence === undefined
}

function lockOut(daemon: Daemon, offences: readonly Offence[], at: number): void {
  const { state, ledger, tally, world } = daemon
  const { settings } = state.policy
  const stuck = stick(
    offences,
    {
      flies: state.flies,
      lengths: settings.lockout,
      room: roomFor(daemon, offences.length, at),
      pastOf: world.history.pastOf,
      admit: (candidates, cameBefore) =>
        state.promotion.admit(candidates, settings.promotion, at, cameBefore),
    },
    at,
  )
  const { enter, leave } = stuck.decision
  const entered = commit(stuck.decision, ledger, at)
  if (stuck.again > 0) tally.again(stuck.again)
  const unplaced = stuck.unplaced + enter.length - entered.length
  if (unplaced > 0) {
    state.fullSince = at
    tally.overflowed(unplaced)
  }
  const left = leave.reduce((sum, { flies }) => sum + flies.length, 0)
  if (left + unplaced > 0) daemon.alarms.full(fullSentence(left, unplaced))
}

/** Flies whose time is over make room first: they are forgotten before anybody has to leave. */
export function roomFor({ state }: Daemon, more: number, now: number): Room {
  const size = state.policy.settings.sizes.flypaper
  const isHopeless = now - state.fullSince < NO_ROOM_MS
  if (!isHopeless && !isRoomy(more, state.flies, size)) state.flies.sweep(now)
  return { size, isHopeless }
}

/** Packets become lockouts: readable (decode/), judged (judge/), decided on and carried out (lockout/). A batch at once. */
import type { Captured } from '../capture/capture.ts'
import type { Refused } from '../capture/refused.ts'
import { packetOf } from '../capture/refused-packet.ts'
import { decode } from '../decode/decode.ts'
import type { Packet } from '../decode/packet.ts'
import { isDoor } from '../doctor/conditional.ts'
import { judge } from '../judge/judge.ts'
import type { Spare } from '../judge/verdict.ts'
import { REST_SECONDS } from '../keep/rule-changes.ts'
import { commit } from '../lockout/commit.ts'
import { decision } from '../lockout/decide/decision.ts'
import type { Offence } from '../lockout/offence.ts'
import type { Address } from '../terms/address.ts'
import type { Channel } from '../terms/channel.ts'
import { elementOf, type Fly } from '../terms/fly.ts'
import { type Daemon, isPaused } from './daemon.ts'
import { lockOut } from './lock-out.ts'
import { learnServed, type Opened } from './served-now.ts'
import { breadthOf, suspect } from './suspects.ts'
import type { Suspect } from './whole-prefixes.ts'

/** A readable packet, and how it came. */
interface Arrived {
  readonly packet: Packet
  readonly channel: Channel
  readonly hook: Captured['hook']
  /** For this machine, and no socket was seen that takes it. */
  readonly isUnserved?: boolean
}

const UDP = 17

export function judgePackets(daemon: Daemon, batch: readonly Captured[]): void {
  const began = daemon.world.clock()
  const arrived: Arrived[] = []
  // What a socket takes, the administrator's own rules may refuse to everybody.
  const asksSockets = daemon.state.policy.settings.closed !== 'unmatched'
  for (const { bytes, channel, hook } of batch) {
    const packet = decode(bytes)
    if ('unreadable' in packet) daemon.tally.spared('unreadable')
    else arrived.push({ packet, channel, hook, isUnserved: asksSockets && hook === 'input' })
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
  if (offences.length > 0) lockOut(daemon, offences, at)
  if (suspects.length > 0) suspect(daemon, suspects)
}

/**
 * Of weak evidence a port that is not the last proves nothing, neither for its source nor against: who is held was held for a later one, which
 * is judged soon. Any other reason to let go ends the hold.
 */
function isHoldOver(channel: Channel, { evidence }: Spare): boolean {
  return channel === 'offence' || evidence === undefined
}

/** Packets become lockouts: readable (decode/), judged (judge/), decided on and carried out (lockout/). A batch at once. */
import type { Captured } from '../capture/capture.ts'
import type { Refused } from '../capture/refused.ts'
import { packetOf } from '../capture/refused-packet.ts'
import { decode } from '../decode/decode.ts'
import { isDoor } from '../doctor/conditional.ts'
import { commit } from '../lockout/commit.ts'
import { decision } from '../lockout/decide/decision.ts'
import type { Lockout } from '../lockout/lockout.ts'
import { bytesOfPacket } from '../ring/made-up.ts'
import type { Address } from '../terms/address.ts'
import { elementOf } from '../terms/fly.ts'
import type { Daemon } from './daemon.ts'
import { type Arrived, weigh } from './weigh.ts'

const UDP = 17

export function judgePackets(daemon: Daemon, batch: readonly Captured[]): void {
  const began = daemon.world.clock()
  const arrived: Arrived[] = []
  // What a socket takes, the administrator's own rules may refuse to everybody.
  const asksSockets = daemon.state.policy.settings.closed !== 'unmatched'
  for (const { bytes, channel, hook } of batch) {
    const packet = decode(bytes)
    if ('unreadable' in packet) daemon.tally.spared('unreadable')
    else arrived.push({ packet, channel, hook, isUnserved: asksSockets && hook === 'input', bytes })
  }
  weighAndRecord(daemon, arrived)
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
  const arrived = refused.map((one): Arrived => {
    const isHeld = held.has(elementOf(nameFly(one.source)).element)
    const weak = one.protocol === UDP ? 'late' : 'refused'
    const hook = owns(one.destination) ? 'input' : 'forward'
    return { packet: packetOf(one), channel: isHeld ? 'offence' : weak, hook }
  })
  weighAndRecord(daemon, arrived)
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

/** Judges them and, where the ring is on, writes down what became of each. */
function weighAndRecord(daemon: Daemon, arrived: readonly Arrived[]): void {
  const weighed = weigh(daemon, arrived, daemon.ring.isOn ? [] : undefined)
  if (weighed === undefined || !daemon.ring.isOn) return
  const locked = new Map(weighed.entered.map(lockout => [lockout.source, lockout]))
  for (const [i, { verdict, fly, isAgain }] of weighed.judged.entries()) {
    const { packet, channel, hook, bytes = bytesOfPacket(packet) } = arrived[i]!
    const lockout = verdict.verdict === 'stick' ? locked.get(fly) : undefined
    if (lockout !== undefined) locked.delete(fly)
    daemon.ring.saw({
      at: weighed.at,
      channel,
      hook,
      bytes,
      because: verdict.because,
      ...(lockout !== undefined && { lockout: secondsOf(lockout) }),
      ...(lockout !== undefined && fly !== (packet.source as string) && { fly }),
      isAgain,
      isSameBatch: i > 0,
    })
  }
}

function secondsOf({ since, until }: Lockout): number | 'forever' {
  return until === 'forever' ? until : Math.round((until - since) / 1000)
}

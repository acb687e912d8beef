/**
 * Packets are sent from sources of all kinds, and what came back is told. What the sources were answered is seen by a tap, so they
 * need not exist; the hosts that are to answer them need a route that leads here.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { answeredPort, decode, encode, type Incoming, type Outgoing, portOf } from './packets.ts'

/** Raw sockets of the namespace in which they are opened. */
export interface RawSockets<Burst extends { readonly length: number }> {
  openWire(): Wire<Burst>
  /** What passed the interfaces since it was opened, or since the last look, IP header first. */
  openTap(): () => Iterable<{ readonly bytes: Buffer; readonly outgoing: boolean }>
}

/** `Burst`: packets of one family, laid out for the kernel beforehand so that nothing delays the sending. */
export interface Wire<Burst> {
  prepare(packets: readonly Buffer[]): Burst
  /** Sends `count` packets of the burst from `first` on, in one system call. */
  send(burst: Burst, first: number, count: number): void
}

export interface Plan {
  /** Sent one after the other. A burst is of one family. */
  readonly bursts: readonly (readonly Outgoing[])[]
  /** Microseconds from packet to packet of a burst; 0 (unless told) sends a burst in one system call. */
  readonly gap?: number
  /** Microseconds after each burst, in which its answers come; 1,000 unless told. */
  readonly pause?: number
  /** Milliseconds to wait for answers after the last packet; 300 unless told. */
  readonly wait?: number
}

export interface Outcome {
  /** Packets seen leaving; always as many as planned. */
  readonly left: number
  /** Median microseconds from packet to packet in a burst, as measured; 0 when sent in one system call. */
  readonly gap: number
  /**
   * What came for one of the sources, equal ones counted. `destination` is the source that got it. By TCP and UDP only what came to a
   * port from which it sent: a SYN that an earlier plan left half open is answered again for seconds.
   */
  readonly answers: readonly (Incoming & { readonly count: number })[]
  /** When answers came, in milliseconds since the epoch: between two looks, of which there is one after each burst. */
  readonly answered: readonly (readonly [from: number, to: number])[]
}

/** From so many microseconds on the processor is left to others while time passes. */
const SLEEP_FROM = 5_000

/** Carries the plan out; rejects when a packet did not leave. */
export async function carryOut<Burst extends { readonly length: number }>(
  plan: Plan,
  { openTap, openWire }: RawSockets<Burst>,
): Promise<Outcome> {
  const packets = plan.bursts.flat()
  const tap = openTap()
  const wire = openWire()
  const seen = sightings(packets)
  const bursts = plan.bursts.map(burst => wire.prepare(burst.map(encode)))
  const gaps: number[] = []
  for (const burst of bursts) {
    gaps.push(...sendBurst(wire, burst, plan.gap ?? 0))
    await pass(plan.pause ?? 1_000)
    seen.add(tap()) // A user namespace may not enlarge the tap's buffer, which holds some 200 packets.
  }
  await sleep(plan.wait ?? 300)
  seen.add(tap())
  if (seen.left !== packets.length)
    throw new Error(`${seen.left} of ${packets.length} packets left: is there a way?`)
  const gap = gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0
  return { left: seen.left, gap, answers: [...seen.answers.values()], answered: seen.answered }
}

/** What the tap saw: how many of these packets left, and what came for their sources. */
function sightings(packets: readonly Outgoing[]) {
  const ends = packets.map(packet => ({ ...decode(encode(packet))!, port: portOf(packet) }))
  const sources = new Set(ends.map(({ source }) => source))
  // Not all that leaves from an address: a host that sends in its own name goes on answering and asking.
  const planned = new Set(packets.map(packet => JSON.stringify(decode(encode(packet)))))
  const flows = new Set(ends.map(({ source, port }) => `${source} ${port}`))
  const answers = new Map<string, Incoming & { count: number }>()
  let looked = Date.now()
  const seen = {
    left: 0,
    answers,
    answered: [] as [from: number, to: number][],
    add(passing: Iterable<{ bytes: Buffer; outgoing: boolean }>): void {
      let isAnswered = false
      for (const { bytes, outgoing } of passing) {
        const packet = decode(bytes)
        if (packet === undefined) continue
        if (outgoing && planned.has(JSON.stringify(packet))) seen.left += 1
        if (outgoing || !sources.has(packet.destination)) continue
        const port = answeredPort(bytes)
        if (port !== undefined && !flows.has(`${packet.destination} ${port}`)) continue
        const key = JSON.stringify(packet)
        const answer = answers.get(key) ?? { ...packet, count: 0 }
        answer.count += 1
        answers.set(key, answer)
        isAnswered = true
      }
      const now = Date.now()
      if (isAnswered) seen.answered.push([looked, now])
      looked = now
    },
  }
  return seen
}

/** Sends and returns the gaps as they were, from start to start. */
function sendBurst<Burst extends { readonly length: number }>(
  wire: Wire<Burst>,
  burst: Burst,
  gap: number,
): number[] {
  if (gap === 0) {
    wire.send(burst, 0, burst.length)
    return []
  }
  const started: number[] = []
  for (let i = 0; i < burst.length; i++) {
    if (i > 0) waitUntil(started[i - 1]! + gap)
    started.push(now())
    wire.send(burst, i, 1)
  }
  return started.slice(1).map((time, i) => time - started[i]!)
}

function now(): number {
  return performance.now() * 1_000
}

function waitUntil(time: number): void {
  while (now() < time);
}

async function pass(microseconds: number): Promise<void> {
  if (microseconds < SLEEP_FROM) waitUntil(now() + microseconds)
  else await sleep(microseconds / 1_000)
}

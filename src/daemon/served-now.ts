/**
 * Who listens now, asked before a packet to a closed port of this machine becomes evidence. The rules look a socket up as they can: one that is bound to
 * an interface of a VRF they do not find, nor a service of IPVS, nor one that was opened a moment later. docs/decisions/0062-who-listens-now.md
 */
import { presentSets } from '../arm/firewall.ts'
import { type ServedPort, type Surroundings, servedChanges, type Whole } from '../arm/surroundings.ts'
import type { Tried } from '../decode/packet.ts'
import { forgetCounted } from '../lockout/hold.ts'
import type { Address, Prefix } from '../terms/address.ts'
import type { Fly } from '../terms/fly.ts'
import { isIn } from '../terms/prefix-set.ts'
import type { Weighing } from './daemon.ts'
import type { World } from './world.ts'

/** To ask takes one part of the time in so many, at most: half a millisecond where a hundred sockets listen, ten where ten thousand do. */
const REST = 100
/** Seconds between two askings at least. */
const PACE_SECONDS = 0.05

const ANY_PORT = 0

export interface ServedNow {
  /**
   * The port that was tried at this address of ours, where somebody listens there now, or rules sent everything of this source elsewhere, and do so no
   * more, or not always; `isAtRest`: nobody has changed a rule lately, so they are as they were when they were read.
   */
  find(tried: Tried, at: Address, from: Address, isAtRest: boolean): ServedPort | undefined
  /** What rules send elsewhere, whatever the port, counts for so many seconds more. */
  follow(whole: readonly Whole[], seconds: number): void
}

interface Listening {
  /** Undefined: by all addresses, as far as is known. */
  readonly places: ReadonlySet<Address> | undefined
}

/** Strangers make it ask, so it has a pace: whoever comes between two askings is judged by the last. */
export function openServedNow(
  around: Pick<Surroundings, 'served' | 'bound'>,
  { clock }: Pick<World, 'clock'>,
): ServedNow {
  let known: ReadonlyMap<string, Listening> = new Map()
  let notBefore = Number.NEGATIVE_INFINITY
  let there: readonly Whole[] = []
  /** By their texts, and until when; as many as WHOLE_MAX rules name. */
  const lately = new Map<string, { readonly prefix: Prefix; readonly until: number }>()

  function isSentElsewhere(from: Address, isAtRest: boolean): boolean {
    if (there.some(one => one.isPartly && isIn(from, one.from))) return true
    const still = isAtRest ? there.flatMap(one => one.from) : []
    return [...lately.values()].some(
      ({ prefix, until }) =>
        until > clock() && isIn(from, [prefix]) && !still.some(({ text }) => text === prefix.text),
    )
  }

  return {
    follow(whole, seconds) {
      const until = clock() + seconds
      for (const [text, one] of lately) if (one.until <= clock()) lately.delete(text)
      for (const prefix of [...there, ...whole].flatMap(({ from }) => from))
        lately.set(prefix.text, { prefix, until })
      there = whole
    },
    find(tried, at, from, isAtRest) {
      const wanted = portOf(tried)
      if (wanted === undefined) return undefined
      const began = clock()
      if (began >= notBefore) {
        known = listening(around)
        const ended = clock()
        notBefore = ended + Math.max(PACE_SECONDS, REST * (ended - began))
      }
      const isThere = (port: ServedPort) => {
        const found = known.get(String(port))
        return found !== undefined && (found.places?.has(at) ?? true)
      }
      return isThere(wanted) || isThere([wanted[0], ANY_PORT]) || isSentElsewhere(from, isAtRest)
        ? wanted
        : undefined
    },
  }
}

function listening({
  served,
  bound,
}: Pick<Surroundings, 'served' | 'bound'>): ReadonlyMap<string, Listening> {
  const places = new Map<string, Set<Address>>()
  for (const [address, ...port] of bound()) {
    const those = places.get(String(port)) ?? new Set()
    places.set(String(port), those.add(address))
  }
  return new Map(served().map(port => [String(port), { places: places.get(String(port)) }]))
}

const FLAGS = { fin: 1, syn: 2, rst: 4, ack: 16 } as const
const ASKED = FLAGS.fin | FLAGS.syn | FLAGS.rst | FLAGS.ack

/** Who tried which port that somebody serves. */
export interface Opened {
  readonly port: ServedPort
  readonly fly: Fly
}

/** What the rules leave to a socket, and to a port that was served lately: no flags that no connection carries. */
function portOf(tried: Tried): ServedPort | undefined {
  if (tried.kind === 'udp') return [17, tried.port]
  if (tried.kind !== 'tcp') return undefined
  const { fin, syn, rst, ack } = FLAGS
  const isLegal = [syn, ack, fin | ack, syn | ack, rst, rst | ack].includes(tried.flags & ASKED)
  return isLegal ? [6, tried.port] : undefined
}

/** The kernel knows them from now on, and of what these sources tried it counts nothing: the daemon has not either. */
export function learnServed({ world, ledger }: Weighing, opened: readonly Opened[]): void {
  if (opened.length === 0) return
  const ports = new Map(opened.map(({ port }) => [String(port), port]))
  presentSets(world.firewall).change(servedChanges([...ports.values()]))
  forgetCounted(ledger, [...new Set(opened.map(({ fly }) => fly))])
}

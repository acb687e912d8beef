/** Which flows of a capture file lack their beginning, or the protected host's part. Pure. */
import type { Tried } from '../decode/packet.ts'

/** Flows that are told apart; further ones are not looked at. */
export const FLOWS_MAX = 65_536

export interface Flows {
  see(other: string, tried: Tried, isOut: boolean): void
  /** TCP whose first packet in the file goes on with something. */
  headless(): number
  /** Where the other went on as if it had been answered, and no answer is in the file. */
  halved(): number
  of(other: string): {
    readonly isHeadless: boolean
    readonly isHalved: boolean
    readonly sent: number
    readonly got: number
  }
}

interface Flow {
  readonly isHeadless: boolean
  hasOut: boolean
  hasBegun: boolean
  isHalved: boolean
}

interface Talk {
  readonly flows: Map<string, Flow>
  /** Packets to the protected host and from it. */
  sent: number
  got: number
}

const [FIN, SYN, RST, ACK] = [1, 2, 4, 16]

export function openFlows(): Flows {
  const hosts = new Map<string, Talk>()
  let count = 0
  const talkOf = (other: string): Talk | undefined => {
    const known = hosts.get(other)
    if (known !== undefined || hosts.size === FLOWS_MAX) return known
    const talk = { flows: new Map(), sent: 0, got: 0 }
    hosts.set(other, talk)
    return talk
  }
  const all = () => [...hosts.values()].flatMap(({ flows }) => [...flows.values()])
  return {
    see(other, tried, isOut) {
      const talk = talkOf(other)
      if (talk === undefined) return
      talk[isOut ? 'got' : 'sent'] += 1
      if (tried.kind !== 'tcp') return
      const key = isOut ? `${tried.from} ${tried.port}` : `${tried.port} ${tried.from}`
      const known = talk.flows.get(key)
      if (known === undefined && count === FLOWS_MAX) return
      if (known === undefined) count += 1
      const flow = known ?? begun(tried.flags)
      if (isOut) flow.hasOut = true
      // Behind its SYN, whoever was not answered has nothing to acknowledge.
      const goesOn = !isOut && (tried.flags & (SYN | RST)) === 0 && (tried.flags & ACK) !== 0
      flow.isHalved = (flow.isHalved || (goesOn && flow.hasBegun)) && !flow.hasOut
      if (!isOut && (tried.flags & (SYN | ACK)) === SYN) flow.hasBegun = true
      talk.flows.set(key, flow)
    },
    headless: () => all().filter(({ isHeadless }) => isHeadless).length,
    halved: () => all().filter(({ isHalved }) => isHalved).length,
    of(other) {
      const { flows, sent, got } = hosts.get(other) ?? { flows: new Map<string, Flow>(), sent: 0, got: 0 }
      const own = [...flows.values()]
      return {
        isHeadless: own.some(({ isHeadless }) => isHeadless),
        isHalved: own.some(({ isHalved }) => isHalved),
        sent,
        got,
      }
    },
  }
}

/** What no scanner begins with, and an answer that was not asked for: a connection goes on. */
function begun(flags: number): Flow {
  const isHeadless =
    (flags & (SYN | RST | FIN)) === 0
      ? (flags & ACK) !== 0
      : (flags & (SYN | ACK)) === (SYN | ACK) || (flags & (FIN | ACK)) === (FIN | ACK)
  return { isHeadless, hasOut: false, hasBegun: false, isHalved: false }
}

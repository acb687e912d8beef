/** Packet sockets into which a test puts packets, and a kernel that says who was refused by the chains of others. */
import type { PacketSockets, SocketPacket } from '../../src/capture/intake.ts'
import type { Passing, PassingSets } from '../../src/capture/refused.ts'
import { encode, type Outgoing } from '../../src/prove/packets.ts'
import type { Address } from '../../src/terms/address.ts'
import { CHANNELS, DOORBELL, SAMPLE, type TellingChannel } from '../../src/terms/channel.ts'
import { EXIT, Failure } from '../../src/terms/failure.ts'
import type { FakeFirewall } from './fake-firewall.ts'

const HOOKS = { input: 1, forward: 2 } as const

export interface FakeSockets extends PacketSockets {
  /** Hands these packets over as the rules of this channel do; throws when nobody listens there. */
  deliver(
    packets: readonly (Outgoing | Uint8Array)[],
    how?: { channel?: TellingChannel; hook?: keyof typeof HOOKS; number?: number },
  ): void
  ring(number?: number): void
  /** Tells of packets of flies; throws when nobody listens there. */
  sample(packets: readonly (Outgoing | Uint8Array)[], number?: number): void
  /** Another program listens there. */
  readonly taken: Set<number>
  /** The numbers on which somebody listens, and how. */
  open(...parameters: Parameters<PacketSockets['open']>): ReturnType<PacketSockets['open']>
  listening(): string[]
  /** What was opened and closed, in order. */
  readonly journal: string[]
}

const NUMBER = 4242

export function fakeSockets(): FakeSockets {
  const listeners = new Map<number, { kind: string; onBatch: (packets: readonly SocketPacket[]) => void }>()
  const taken = new Set<number>()
  const journal: string[] = []
  function handOver(packets: readonly (Outgoing | Uint8Array)[], group: number, hook: number): void {
    const listener = listeners.get(group)
    if (listener === undefined) throw new Error(`nobody listens on ${group}`)
    const payloads = packets.map(packet => (packet instanceof Uint8Array ? packet : encode(packet)))
    listener.onBatch(payloads.map(payload => ({ group, hook, payload })))
  }

  return {
    taken,
    journal,
    open(kind, numbers, onBatch) {
      for (const number of numbers)
        if (taken.has(number) || listeners.has(number))
          throw new Failure(`${number} is taken by another program`, { exit: EXIT.unavailable })
      for (const number of numbers) listeners.set(number, { kind, onBatch })
      journal.push(`open ${kind} ${numbers[0]}`)
      return {
        counts: () => ({ packets: 0, overruns: 0, lost: 0, waiting: 0 }),
        [Symbol.dispose]() {
          for (const number of numbers) listeners.delete(number)
          journal.push(`close ${kind} ${numbers[0]}`)
        },
      }
    },
    deliver(packets, { channel = 'offence', hook = 'input', number = NUMBER } = {}) {
      handOver(packets, number + CHANNELS.indexOf(channel), HOOKS[hook])
    },
    sample: (packets, number = NUMBER) => handOver(packets, number + SAMPLE, 0),
    ring: (number = NUMBER) => listeners.get(number + DOORBELL)?.onBatch([]),
    listening: () => [...listeners].map(([number, { kind }]) => `${kind} ${number}`),
  }
}

export interface FakePassing extends PassingSets {
  /** The chains of others refuse this, now. */
  refuse(source: string, destination: string, protocol: 6 | 17, port: number): void
}

const STAYS_MS = 20_000

/** The notes are in the sets of the firewall: what is taken out there is forgotten here. */
export function fakePassing(firewall: FakeFirewall): FakePassing {
  const since = new Map<string, number>()
  const noted = (set: string) =>
    firewall.look()?.sets.some(({ name }) => name === set) ? [...firewall.elementsOf(set).keys()] : []
  return {
    refuse(source, destination, protocol, port) {
      const key = `${source},${destination},${protocol},${port}`
      firewall.others.add(source.includes(':') ? 'flypaper_passing6' : 'flypaper_passing', key)
      since.set(key, performance.now())
    },
    passing: async () =>
      [...noted('flypaper_passing'), ...noted('flypaper_passing6')].map((key): Passing => {
        return { key, expiresMs: STAYS_MS - (performance.now() - since.get(key)!) }
      }),
    refusedOf(key) {
      const [source, destination, protocol, port] = key.split(',')
      return {
        source: source as Address,
        destination: destination as Address,
        protocol: Number(protocol),
        port: Number(port),
      }
    },
    pending: () => new Set([...noted('flypaper_pending'), ...noted('flypaper_pending6')]),
  }
}

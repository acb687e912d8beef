/** A clone without Linux: a gate that answers as a bare host does, and as one with the trap once it is armed. */
import type { Clone, Namespace, Ran } from '../../src/prove/clone.ts'
import { decode, type Incoming, type Outgoing } from '../../src/prove/packets.ts'
import type { Outcome, Plan } from '../../src/prove/sending.ts'
import type { Became, Visits } from '../../src/prove/visits.ts'
import type { Play } from '../../src/replay/two-sides.ts'

export interface Faults {
  /** The trap answers these ports whoever asks. */
  readonly leaks?: readonly string[]
  /** The trap takes these for closed. */
  readonly hurts?: readonly string[]
  /** Nobody is answered, whatever is armed. */
  readonly isDead?: boolean
  /** Nobody sticks before so many closed ports. */
  readonly patience?: number
}

export function fakeClone({ leaks = [], hurts = [], isDead = false, patience = 1 }: Faults = {}): Clone {
  const services = new Set<string>()
  const tries = new Map<string, number>()
  const flies = new Map<string, string>()
  let isArmed = false
  /** What comes back when this source asks for that port. */
  const ask = (source: string, port: string): 'open' | 'closed' | 'nothing' => {
    const isOpen = services.has(port)
    if (isDead) return 'nothing'
    if (!isArmed || leaks.includes(port)) return isOpen ? 'open' : 'closed'
    if (!isOpen || hurts.includes(port)) {
      tries.set(source, (tries.get(source) ?? 0) + 1)
      if (tries.get(source) === patience) flies.set(source, port)
    }
    return flies.has(source) ? 'nothing' : isOpen ? 'open' : 'closed'
  }
  const gate: Namespace = {
    async run(command) {
      if (command.includes('status')) return done({ daemon: { counts: { packets: flies.size, kernel: {} } } })
      if (command.includes('report')) return done({ spared: [{ because: 'late', packets: 2, sources: 1 }] })
      if (!command.includes('list')) return done()
      return done(
        [...flies].map(([source, port]) => ({
          // An IPv6 fly is a network, and says which of its addresses it was.
          source: source.replace(/::1$/, '::/64'),
          ...(source.includes(':') && { packetSource: source }),
          tried: {
            kind: port.slice(0, 3),
            port: Number(port.slice(4)),
            ...(port.startsWith('tcp') && { flags: 2 }),
          },
          because: 'closed-port',
        })),
      )
    },
    async start(command) {
      if (command.includes('start')) isArmed = true
      else
        for (const one of command.filter(word => /^(tcp|udp):/.test(word)))
          services.add(one.replace(':', '/'))
    },
  }
  const outside: Namespace = {
    ...gate,
    async run(command, input = '') {
      if (command.includes('send')) return done(sent(JSON.parse(input), ask))
      if (command.includes('visit')) return done(visited(JSON.parse(input), ask))
      return done()
    },
  }
  return {
    gate,
    outside,
    async ip() {},
    async between(_, input) {
      for (const { isOut, bytes } of (JSON.parse(input) as Play).items) {
        const packet = Buffer.from(bytes, 'base64')
        const came = decode(packet)
        // Of IPv4, TCP: what else there is changes nothing here.
        if (!isOut && came !== undefined) ask(came.source, `tcp/${packet.readUInt16BE(22)}`)
      }
      return done({ refused: {} })
    },
    behind: async () => gate,
    directory: '/nowhere',
    flypaperd: ['flypaperd'],
    inClone: ['in-clone'],
    async [Symbol.asyncDispose]() {},
  }
}

type Ask = (source: string, port: string) => 'open' | 'closed' | 'nothing'

function done(value: unknown = ''): Ran {
  return { code: 0, stdout: `${JSON.stringify(value)}\n`, stderr: '' }
}

function sent({ bursts }: Plan, ask: Ask): Outcome {
  const packets = bursts.flat()
  const answers = packets.flatMap(packet => {
    const answer = answerTo(packet, ask)
    return answer === undefined
      ? []
      : { source: packet.destination, destination: packet.source, count: 1, ...answer }
  })
  return { left: packets.length, gap: 0, answers, answered: [] }
}

function answerTo(packet: Outgoing, ask: Ask): Pick<Incoming, 'kind' | 'detail'> | undefined {
  if ('udp' in packet) {
    const became = ask(packet.source, `udp/${packet.udp}`)
    if (became === 'open') return { kind: 'udp', detail: packet.udp }
    return became === 'closed' ? { kind: 'icmp', detail: 771 } : undefined
  }
  if (!('tcp' in packet)) return undefined
  const became = ask(packet.source, `tcp/${packet.tcp}`)
  if (became === 'closed') return { kind: 'rst', detail: packet.tcp }
  // RFC 9293: of what is no SYN an ACK alone gets an answer where somebody listens.
  if (became === 'open' && packet.flags === 16) return { kind: 'rst', detail: packet.tcp }
  return became === 'open' && (packet.flags ?? 2) === 2 ? { kind: 'syn-ack', detail: packet.tcp } : undefined
}

function visited({ groups }: Visits, ask: Ask): Became[] {
  const words = { open: 'served', closed: 'refused', nothing: 'silent' } as const
  return groups.flat().map(({ source, protocol, port }) => words[ask(source, `${protocol}/${port}`)])
}

/** What is sent at the clone, by which source: scans port by port, and bursts. Pure. */
import type { Family } from '../terms/address.ts'
import type { Behind } from './behind.ts'
import { familyOf, SOURCES, type Target } from './machine.ts'
import type { Outgoing } from './packets.ts'
import type { Plan } from './sending.ts'

export interface Service {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
}

/** The control goes without the trap; each has sources of its own. */
export type Phase = 'control' | 'trapped'

/** One source that goes through the ports in this order. */
export interface Scan {
  readonly name: string
  readonly target: Target
  readonly source: string
  readonly ports: readonly Service[]
  /** Of TCP. */
  readonly flags?: number
  /** Of IPv6: bytes of destination options before it. */
  readonly options?: number
  /** All but the first packet go to this address, behind the target. */
  readonly behind?: string
}

/** A closed port, then open ones, in one system call; each source once. */
export interface Bursts {
  readonly target: Target
  readonly sources: readonly string[]
  readonly ports: readonly Service[]
}

/** RFC 9293: FIN 1, SYN 2, PSH 8, ACK 16, URG 32. */
const KINDS: readonly Kind[] = [
  { name: 'SYN', protocol: 'tcp', flags: 2 },
  { name: 'FIN', protocol: 'tcp', flags: 1 },
  { name: 'NULL', protocol: 'tcp', flags: 0 },
  { name: 'Xmas', protocol: 'tcp', flags: 41 },
  // Who filters by state drops it at all ports; a host without a firewall refuses it at all of them.
  { name: 'ACK', protocol: 'tcp', flags: 16 },
  { name: 'UDP', protocol: 'udp' },
  { name: 'SYN-ext', protocol: 'tcp', flags: 2, options: 8 },
]

interface Kind extends Pick<Scan, 'name' | 'flags' | 'options'> {
  readonly protocol: Service['protocol']
}

/** Ports from 1 on that are gone through besides those that are open and their neighbours. */
const FIRST_PORTS = 60
/** Open ports of one protocol that are gone through, at most; what is beyond is said. */
export const SERVICES_MAX = 100
const BURST_SOURCES = 20
const OPEN_IN_BURST = 3
/** Microseconds between rounds, in which each kind of scan of one family sends one packet: at most 1,000 packets a second. */
const PAUSE = 8_000
/** How far apart the sources of the two phases are. */
const PHASE = { control: 0, trapped: 0x400 } as const

export function sourceOf(phase: Phase, i: number): number {
  return PHASE[phase] + i
}

/** In ascending order behind one that is closed: the least, which no honest host asks for. */
export function portsOf(protocol: Service['protocol'], services: readonly Service[]): readonly Service[] {
  const open = openPorts(protocol, services)
  const near = open.flatMap(port => [port - 1, port, port + 1]).filter(port => port > 0 && port < 65_536)
  const first = Array.from({ length: FIRST_PORTS }, (_, i) => i + 1)
  const closed = closedPort(protocol, services)
  const others = [...new Set([...first, ...near])].filter(port => port !== closed).sort((a, b) => a - b)
  return [closed, ...others].map(port => ({ protocol, port }))
}

function openPorts(protocol: Service['protocol'], services: readonly Service[]): number[] {
  return services.filter(one => one.protocol === protocol).map(({ port }) => port)
}

export function closedPort(protocol: Service['protocol'], services: readonly Service[]): number {
  const open = new Set(openPorts(protocol, services))
  let port = 1
  while (open.has(port)) port += 1
  return port
}

/** A SYN scan of a host behind: its first packet is an offence at the machine itself, in whichever mode. */
export function scansBehind(
  phase: Phase,
  targets: readonly Target[],
  services: readonly Service[],
  behind: Behind,
): Scan[] {
  return targets.flatMap(target => {
    const host = behind.hosts.find(({ address }) => familyOf(address) === target.family)
    if (host === undefined) return []
    const first = closedPort('tcp', services)
    const others = portsOf('tcp', behind.services).filter(({ port }) => port !== first)
    return {
      name: 'SYN behind',
      flags: 2,
      target,
      source: SOURCES[target.family].scanner(sourceOf(phase, KINDS.length + BURST_SOURCES)),
      ports: [{ protocol: 'tcp' as const, port: first }, ...others],
      behind: host.address,
    }
  })
}

export function scansOf(phase: Phase, targets: readonly Target[], services: readonly Service[]): Scan[] {
  return targets.flatMap(target =>
    KINDS.flatMap(({ protocol, ...kind }, i) =>
      kind.options !== undefined && target.family === 4
        ? []
        : {
            ...kind,
            target,
            source: SOURCES[target.family].scanner(sourceOf(phase, i)),
            ports: portsOf(protocol, services),
          },
    ),
  )
}

/** What answers strangers of each family without the trap. */
export type ServedTo = (family: Family) => readonly Service[]

export function burstsOf(
  phase: Phase,
  targets: readonly Target[],
  services: readonly Service[],
  servedTo: ServedTo,
): Bursts[] {
  const closed: Service = { protocol: 'tcp', port: closedPort('tcp', services) }
  return targets.flatMap(target => {
    const open = servedTo(target.family)
      .filter(({ protocol }) => protocol === 'tcp')
      .slice(0, OPEN_IN_BURST)
    if (open.length === 0) return []
    const sources = Array.from({ length: BURST_SOURCES }, (_, i) =>
      SOURCES[target.family].scanner(sourceOf(phase, KINDS.length + i)),
    )
    return { target, sources, ports: [closed, ...open] }
  })
}

export function planOf(scans: readonly Scan[], bursts: readonly Bursts[]): Plan {
  return { bursts: [...rounds(scans), ...bursts.flatMap(burstPackets)], pause: PAUSE, wait: 1_000 }
}

/** The first packets of all scans, then the second ones, each family by itself. */
function* rounds(scans: readonly Scan[]): Iterable<Outgoing[]> {
  const longest = Math.max(...scans.map(({ ports }) => ports.length))
  for (let i = 0; i < longest; i++)
    for (const family of [4, 6]) {
      const round = scans.filter(({ target, ports }) => target.family === family && ports[i] !== undefined)
      if (round.length > 0) yield round.map(scan => packetTo(scan, scan.source, scan.ports[i]!, i > 0))
    }
}

function burstPackets(bursts: Bursts): Outgoing[][] {
  return bursts.sources.map(source => bursts.ports.map(port => packetTo(bursts, source, port)))
}

function packetTo(
  { target, flags, options, behind }: Pick<Scan, 'target' | 'flags' | 'options' | 'behind'>,
  source: string,
  { protocol, port }: Service,
  isLater = false,
): Outgoing {
  const ends = { source, destination: (isLater ? behind : undefined) ?? target.address }
  if (protocol === 'udp') return { ...ends, udp: port, data: 'hello' }
  return {
    ...ends,
    tcp: port,
    ...(flags !== undefined && { flags }),
    ...(options !== undefined && { options }),
  }
}

export function serviceText({ protocol, port }: Service): string {
  return `${protocol}/${port}`
}

/** What came back becomes findings. Pure. */
import type { Family } from '../terms/address.ts'
import type { Target } from './machine.ts'
import type { Incoming } from './packets.ts'
import { type Bursts, type Scan, type Service, serviceText } from './scans.ts'
import type { Outcome } from './sending.ts'
import type { Became, Visit } from './visits.ts'

/** Who was locked out at the end, as `list --json` says it. */
export interface Stuck {
  readonly source: string
  readonly packetSource?: string | undefined
  readonly tried?: { readonly kind: string; readonly port?: number | undefined } | undefined
}

/** A scan by the system's own connections, port by port: the first by itself. */
export interface Connects {
  readonly target: Target
  readonly source: string
  readonly visits: readonly (Visit & { readonly became: Became })[]
}

export interface ScanResult {
  readonly scan: string
  readonly family: Family
  readonly packets: number
  /** Ports that answered as open ones do, without the trap and with it. */
  readonly control: readonly string[]
  readonly found: readonly string[]
  /** Answers of any kind without the trap and with it: a closed port's RST as well. */
  readonly controlAnswers: number
  readonly answers: number
  /** At which packet its source stuck, from 1, and what that tried. */
  readonly stuckAt?: number
  readonly stuckBy?: string
  readonly isLeak: boolean
}

export interface BurstResult {
  readonly family: Family
  readonly sources: number
  readonly ports: readonly string[]
  readonly controlAnswers: number
  readonly answers: number
  readonly isLeak: boolean
}

export interface ClientResult {
  readonly who: string
  readonly family: Family
  readonly service: string
  readonly control: Became
  /** Left out of a stranger who is not served without the trap either. */
  readonly trapped?: Became
  readonly isStuck: boolean
  readonly isHurt: boolean
}

/** Whether everybody may reach it, who sticks as well: `public` of the settings. */
export type IsPublic = (service: Service) => boolean

/** Answers that came for a source, each kind of each port once. */
type Answers = ReadonlyMap<string, readonly Incoming[]>

export function answersOf({ answers }: Outcome): Answers {
  return Map.groupBy(answers, ({ destination }) => destination)
}

/**
 * A leak is what its source learns at its first offence or after it. What stuck at the third packet may have found what the first two
 * asked for; one that never stuck, and was told anything, has gone through all ports.
 */
export function scanResult(
  [control, trapped]: readonly [Scan, Scan],
  [before, after]: readonly [Answers, Answers],
  flies: readonly Stuck[],
  isPublic: IsPublic,
): ScanResult {
  const came = after.get(trapped.source) ?? []
  const stuck = flies.find(fly => isFly(fly, trapped.source))
  const at = trapped.ports.findIndex(({ port }) => port === stuck?.tried?.port)
  const free = stuck === undefined ? 0 : at
  const isLate = (answer: Incoming) => {
    const index = trapped.ports.findIndex(({ port }) => port === portOf(answer))
    const service = trapped.ports[index]
    return service === undefined ? free <= 0 : index >= free && !isPublic(service)
  }
  return {
    scan: trapped.name,
    family: trapped.target.family,
    packets: trapped.ports.length,
    control: openOf(before.get(control.source) ?? []),
    found: openOf(came),
    controlAnswers: before.get(control.source)?.length ?? 0,
    answers: came.length,
    ...(at >= 0 && { stuckAt: at + 1, stuckBy: serviceText(trapped.ports[at]!) }),
    isLeak: came.some(isLate),
  }
}

export function connectResult(
  [control, trapped]: readonly [Connects, Connects],
  flies: readonly Stuck[],
  isPublic: IsPublic,
): ScanResult {
  const found = ({ visits }: Connects) => visits.filter(({ became }) => became === 'served')
  const answers = ({ visits }: Connects) => visits.filter(({ became }) => became !== 'silent')
  const stuck = flies.find(fly => isFly(fly, trapped.source))
  const at = trapped.visits.findIndex(({ port }) => port === stuck?.tried?.port)
  const free = stuck === undefined ? 0 : at
  return {
    scan: 'connect',
    family: trapped.target.family,
    packets: trapped.visits.length,
    control: found(control).map(({ port }) => `tcp/${port}`),
    found: found(trapped).map(({ port }) => `tcp/${port}`),
    controlAnswers: answers(control).length,
    answers: answers(trapped).length,
    ...(at >= 0 && { stuckAt: at + 1, stuckBy: `tcp/${trapped.visits[at]!.port}` }),
    isLeak: trapped.visits.some(
      (visit, index) => visit.became !== 'silent' && index >= free && !isPublic(visit),
    ),
  }
}

export function burstResult(
  [control, trapped]: readonly [Bursts, Bursts],
  [before, after]: readonly [Answers, Answers],
  isPublic: IsPublic,
): BurstResult {
  const secret = (answer: Incoming) =>
    !trapped.ports.some(service => service.port === portOf(answer) && isPublic(service))
  const count = (bursts: Bursts, answers: Answers) =>
    bursts.sources.flatMap(source => answers.get(source) ?? []).filter(secret).length
  const answers = count(trapped, after)
  return {
    family: trapped.target.family,
    sources: trapped.sources.length,
    ports: trapped.ports.map(serviceText),
    controlAnswers: count(control, before),
    answers,
    isLeak: answers > 0,
  }
}

/** Somebody whom the machine serves without the trap is an innocent, and so is who has a connection with it now. */
export function clientResult(
  { who, family, service }: { who: string; family: Family; service: Service },
  control: Became,
  trapped: Became | undefined,
  isStuck: boolean,
): ClientResult {
  return {
    who,
    family,
    service: serviceText(service),
    control,
    ...(trapped !== undefined && { trapped }),
    isStuck,
    isHurt: isStuck || (control === 'served' && trapped !== 'served'),
  }
}

export function isFly({ source, packetSource }: Stuck, address: string): boolean {
  return (packetSource ?? source) === address
}

function openOf(answers: readonly Incoming[]): string[] {
  const open = answers.flatMap(({ kind, detail }) =>
    kind === 'syn-ack' ? [`tcp/${detail}`] : kind === 'udp' ? [`udp/${detail}`] : [],
  )
  return [...new Set(open)]
}

function portOf({ kind, detail }: Incoming): number | undefined {
  return kind === 'icmp' || kind === 'protocol' ? undefined : detail
}

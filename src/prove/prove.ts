/**
 * The proof: a machine is cloned into a namespace and scanned there, first without the trap, which is the control, then with it. Each
 * nothing of the second half counts as much as the control has found.
 */
import type { Family } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { openOf } from './behind.ts'
import type { OpenClone } from './clone.ts'
import {
  answersOf,
  type BurstResult,
  burstResult,
  type ClientResult,
  clientResult,
  connectResult,
  type IsPublic,
  isFly,
  type ScanResult,
  scanResult,
} from './findings.ts'
import type { Machine } from './machine.ts'
import type { Service } from './scans.ts'
import { type Client, stageOf } from './stage.ts'

export interface Asked {
  readonly machine: Machine
  /** Of `flypaperd start`: which settings. */
  readonly settings: readonly string[]
  readonly isPublic: IsPublic
  /** What is being done. */
  progress(text: string): void
}

export interface Proof {
  readonly scans: readonly ScanResult[]
  readonly bursts: readonly BurstResult[]
  readonly clients: readonly ClientResult[]
  readonly missing: readonly string[]
}

/** Throws a Failure: 69 where something is missing for it, or where the control has found nothing. */
export async function prove(asked: Asked, openClone: OpenClone): Promise<Proof> {
  const { machine, settings, isPublic, progress } = asked
  progress('Cloning the machine …')
  await using clone = await openClone(machine.uplink)
  const stage = stageOf(clone, machine, settings)
  await stage.furnish()
  progress('The control: scanning the clone without the trap …')
  const control = await stage.act('control', () => openOf(machine))
  const servedTo = (family: Family) => openOf(machine).filter(one => isServed(one, family, control.clients))
  if (!control.outcome.answers.length && servedTo(4).length + servedTo(6).length === 0)
    throw new Failure('the clone answers nobody, even without the trap: so nothing can be proved', {
      exit: EXIT.unavailable,
      hint: 'The clone is asked from 198.18.0.0/15 and 2001:db8::/32, by its uplink: does a rule drop those, or name another interface?',
    })
  progress('Arming the trap in the clone …')
  await stage.arm()
  progress('Scanning the clone with the trap …')
  const trapped = await stage.act('trapped', servedTo)
  progress('Asking who stuck …')
  const flies = await stage.flies(trapped.scans)
  progress('')
  const answers = [answersOf(control.outcome), answersOf(trapped.outcome)] as const
  return {
    scans: [
      ...trapped.scans.map((scan, i) => scanResult([control.scans[i]!, scan], answers, flies, isPublic)),
      ...trapped.connects.map((connect, i) =>
        connectResult([control.connects[i]!, connect], flies, isPublic),
      ),
    ],
    bursts: trapped.bursts.map(bursts => {
      const before = control.bursts.find(({ target }) => target.family === bursts.target.family)!
      return burstResult([before, bursts], answers, isPublic)
    }),
    clients: control.clients.map(before => {
      const after = trapped.clients.find(({ key }) => key === before.key)
      const isStuck = after !== undefined && flies.some(fly => isFly(fly, after.visit.source))
      return clientResult(before, before.became, after?.became, isStuck)
    }),
    missing: machine.missing,
  }
}

function isServed({ protocol, port }: Service, family: Family, clients: readonly Client[]): boolean {
  return clients.some(
    client =>
      client.family === family &&
      client.service.protocol === protocol &&
      client.service.port === port &&
      client.became === 'served',
  )
}

export function leaksOf({ scans, bursts }: Proof): number {
  return [...scans, ...bursts].filter(({ isLeak }) => isLeak).length
}

export function hurtOf({ clients }: Proof): number {
  return clients.filter(({ isHurt }) => isHurt).length
}

/** What is done in the clone: it is furnished, armed, scanned, and asked who stuck. */
import * as z from 'zod'
import { EXIT, Failure } from '../terms/failure.ts'
import { behindLines, openOf } from './behind.ts'
import type { Clone, Namespace } from './clone.ts'
import { type Connects, isFly, type Stuck } from './findings.ts'
import { differenceOf, tablesIn } from './listing.ts'
import {
  BARE_SYSCTLS,
  familyOf,
  gateLines,
  type Innocent,
  type IptablesRules,
  type Machine,
  OUTSIDE_SYSCTLS,
  otherEnd,
  outsideLines,
  SOURCES,
  SYSCTL_SCRIPT,
  type Target,
  targetsOf,
} from './machine.ts'
import {
  type Bursts,
  burstsOf,
  type Phase,
  planOf,
  portsOf,
  type Scan,
  type ServedTo,
  type Service,
  scansBehind,
  scansOf,
  sourceOf,
} from './scans.ts'
import type { Outcome } from './sending.ts'
import type { Became, Visit, Visits } from './visits.ts'

/** A ruleset with an armed trap has this chain. */
const ARMED = /\bchain flypaper_offence\b/
/** Milliseconds that a client waits for its service, and a scanner that connects for each of its two groups. */
const CLIENT_WAIT = 4_000
const CONNECT_WAIT = 1_000
/** Ports that the scan by connections goes to, besides the open ones. */
const CONNECT_PORTS = 40

export interface Client {
  /** The same in both phases. */
  readonly key: string
  readonly who: string
  readonly family: Target['family']
  readonly service: Service
  readonly visit: Visit
  readonly became: Became
}

interface Act {
  readonly outcome: Outcome
  readonly scans: readonly Scan[]
  readonly bursts: readonly Bursts[]
  readonly connects: readonly Connects[]
  readonly clients: readonly Client[]
}

/** The clone, ready to be furnished, scanned and asked. */
export function stageOf(clone: Clone, machine: Machine, settings: readonly string[]) {
  const { gate, outside, inClone, flypaperd, directory } = clone
  const targets = targetsOf(machine)
  const open = openOf(machine)
  const places = ['--socket', `${directory}/control.sock`, '--state', directory]

  async function inside<T>(where: Namespace, job: string, input: object): Promise<T> {
    const { code, stdout, stderr } = await where.run([...inClone, job], JSON.stringify(input))
    // Node was seen to crash (SIGSEGV) while it ended, when its result had been written.
    if (code === 0 || stdout.endsWith('\n')) return JSON.parse(stdout) as T
    throw failed(job, stderr)
  }

  async function serve(where: Namespace, services: readonly Service[]): Promise<void> {
    const ports = services.map(({ protocol, port }) => `${protocol}:${port}`)
    const otherwise = 'the services of the clone do not listen'
    await where.start([...inClone, 'listen', ...ports], /^ready$/m, otherwise)
  }

  /** What iptables understands otherwise than nft would go unseen: a rule by a set of nft becomes one for everybody. */
  async function restore({ restore, text, table }: IptablesRules): Promise<void> {
    const { code, stderr } = await gate.run(['env', `XTABLES_LOCKFILE=${directory}/xtables`, restore], text)
    if (code !== 0) throw failed('the rules of iptables', `${restore}: ${stderr}`)
    if (table === undefined) return
    const { family, name } = table
    const { stdout } = await gate.run(['nft', '-s', '-t', 'list', 'table', family, name])
    const difference = differenceOf(table, tablesIn(stdout)[0])
    if (difference !== undefined)
      throw failed('the rules of iptables', `${restore} makes another table ${family} ${name}: ${difference}`)
  }

  return {
    async furnish() {
      await setSysctls(gate, { ...BARE_SYSCTLS, ...machine.sysctls })
      await setSysctls(outside, OUTSIDE_SYSCTLS)
      await clone.ip('gate', gateLines(machine))
      await clone.ip('outside', outsideLines(machine))
      const { code, stderr } = await gate.run([...inClone, 'load'], machine.ruleset)
      if (code !== 0) throw failed('the ruleset', stderr)
      for (const rules of machine.iptables ?? []) await restore(rules)
      // The trap of the living machine would be in the control.
      const stopped = ARMED.test(machine.ruleset)
        ? await gate.run([...flypaperd, 'stop', ...settings, ...places])
        : undefined
      if (stopped !== undefined && stopped.code !== 0) throw failed('its trap', stopped.stderr)
      await serve(gate, machine.services)
      const { behind } = machine
      if (behind === undefined) return
      const link = otherEnd(machine, behind.device)
      await serve(await clone.behind(link, behindLines(behind, link)), behind.services)
    },

    async arm() {
      await gate.start(
        [...flypaperd, 'start', '--log', 'stderr', ...settings, ...places],
        /trap armed/,
        'the trap cannot be armed in the clone',
      )
    },

    /** @param servedTo whose clients are to be served */
    async act(phase: Phase, servedTo: ServedTo): Promise<Act> {
      const scans = [
        ...scansOf(phase, targets, open),
        ...(machine.behind === undefined ? [] : scansBehind(phase, targets, open, machine.behind)),
      ]
      const bursts = burstsOf(phase, targets, open, servedTo)
      const outcome = await inside<Outcome>(outside, 'send', planOf(scans, bursts))
      const connects = connectsOf(phase, targets, open)
      const clients = clientsOf(phase, targets, servedTo, machine.innocents)
      const groups = [0, 1].map(i =>
        connects.flatMap(({ visits }) => (i === 0 ? visits.slice(0, 1) : visits.slice(1))),
      )
      const visit = async (visits: Visits) => await inside<Became[]>(outside, 'visit', visits)
      const [connected, became] = await Promise.all([
        visit({ groups, wait: CONNECT_WAIT }),
        visit({ groups: [clients.map(client => client.visit)], wait: CLIENT_WAIT }),
      ])
      const ends = new Map(groups.flat().map((one, i) => [one, connected[i]!]))
      return {
        outcome,
        scans,
        bursts,
        connects: connects.map(one => ({
          ...one,
          visits: one.visits.map(visit => ({ ...visit, became: ends.get(visit)! })),
        })),
        clients: clients.map((client, i) => ({ ...client, became: became[i]! })),
      }
    },

    /** Who is locked out; the daemon is given a few seconds to judge the scanners. */
    async flies(scans: readonly Scan[]): Promise<readonly Stuck[]> {
      for (let looks = 1; ; looks++) {
        const list = [...flypaperd, 'list', '--json', '--all', ...settings, ...places]
        const { code, stdout, stderr } = await gate.run(list)
        if (code !== 0) throw failed('the flies', stderr)
        const flies = FliesAnswer.parse(JSON.parse(stdout))
        if (looks === 3 || scans.every(({ source }) => flies.some(fly => isFly(fly, source)))) return flies
      }
    },
  }
}

const FliesAnswer = z.array(
  z.object({
    source: z.string(),
    packetSource: z.string().optional(),
    tried: z.object({ kind: z.string(), port: z.int().optional() }).optional(),
  }),
)

async function setSysctls(where: Namespace, values: Readonly<Record<string, string>>): Promise<void> {
  const { code, stderr } = await where.run([
    'sh',
    '-c',
    SYSCTL_SCRIPT,
    'sh',
    ...Object.entries(values).flat(),
  ])
  if (code !== 0) throw failed('the kernel parameters', stderr)
}

function failed(what: string, why: string): Failure {
  return new Failure(`the clone cannot be used: ${what}`, {
    exit: EXIT.unavailable,
    hint: why.trim().slice(-2000),
  })
}

function connectsOf(phase: Phase, targets: readonly Target[], services: readonly Service[]) {
  return targets.map(target => {
    const source = SOURCES[target.family].client(sourceOf(phase, 0))
    const ports = portsOf('tcp', services)
    const open = ports.filter(({ port }) => services.some(one => one.protocol === 'tcp' && one.port === port))
    const some = [...new Set([...ports.slice(0, CONNECT_PORTS), ...open])]
    return {
      target,
      source,
      visits: some.map((service): Visit => ({ ...service, source, destination: target.address })),
    }
  })
}

function clientsOf(
  phase: Phase,
  targets: readonly Target[],
  servedTo: ServedTo,
  innocents: readonly Innocent[],
) {
  const strangers = targets.flatMap(target =>
    servedTo(target.family).map((service, i) => ({
      who: 'a client',
      family: target.family,
      service,
      visit: {
        ...service,
        source: SOURCES[target.family].client(sourceOf(phase, i + 1)),
        destination: target.address,
      },
    })),
  )
  const present = innocents.flatMap(({ who, address, service }) => {
    const target = targets.find(({ family }) => family === familyOf(address))
    if (target === undefined) return []
    const visit = { ...service, source: address, destination: target.address }
    return { who: `${who} ${address}`, family: target.family, service, visit }
  })
  return [...strangers, ...present].map(client => ({
    ...client,
    key: `${client.who} ${client.family} ${client.service.protocol} ${client.service.port}`,
  }))
}

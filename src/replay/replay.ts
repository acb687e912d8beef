/**
 * The replay: both sides of a capture file are played through a clone of the host that it is about, by the unchanged daemon. The kernel
 * grades, conntrack remembers, the daemon judges: who would have been locked out, and at which packet.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import type { Tried } from '../decode/packet.ts'
import type { Clone, OpenClone } from '../prove/clone.ts'
import { CLIENTS, familyOf, type Machine } from '../prove/machine.ts'
import { stageOf } from '../prove/stage.ts'
import type { Family } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { remarksOf } from './remarks.ts'
import type { Line, Script } from './script.ts'
import type { Play, Played } from './two-sides.ts'

export interface AskedReplay {
  readonly script: Script
  /** A text of settings, whose `closed` is "listening": nobody knows the rules of that host. */
  readonly settings: string
  readonly withGaps: boolean
  progress(text: string): void
}

export interface Replayed {
  readonly own: readonly string[]
  readonly packets: { readonly in: number; readonly out: number }
  readonly hosts: number
  /** From the first packet of the file to the last that was played. */
  readonly seconds: number
  readonly lockedOut: readonly LockedOut[]
  /** Let go by the daemon, by reason. */
  readonly spared: readonly { readonly because: string; readonly sources: number; readonly packets: number }[]
  /** Packets that the kernel's rules found to be no offence, by reason. */
  readonly kernel: Readonly<Record<string, number>>
  /** What was not as it was, each a sentence. */
  readonly remarks: readonly string[]
}

export interface LockedOut {
  readonly source: string
  readonly packetSource?: string | undefined
  readonly tried?: Tried | undefined
  readonly because: string
  /** The first packet of the file that is what it was locked out for, from 1, and its seconds since the first one. */
  readonly packet?: number
  readonly at?: number
  /** Packets from it, and to it. */
  readonly sent: number
  readonly got: number
  /** A TCP flow of it has no beginning in the file; it goes on as if answered and no answer is there, or none of the host at all. */
  readonly isHeadless: boolean
  readonly isHalved: boolean
}

const UPLINK = 'eth0'
/** What is sent by the script; all else of these two hosts is the kernel's own, and was not in the file. Before conntrack. */
const MARK = 0x77
const SILENCE = `table inet replay {
  chain own_words {
    type filter hook output priority -400
    oif lo accept
    meta mark ${MARK} accept
    drop
  }
}`
/** The gateway: the first that is not in the file, since whoever is near is never judged. RFC 5737, 2544; 3849. */
const GATEWAYS = {
  4: ['198.51.100.254', '203.0.113.254', '192.0.2.254', '198.18.255.254'],
  6: ['2001:db8:ffff::fe', '2001:db8:fffe::fe', '2001:db8:fffd::fe'],
} as const
/** Milliseconds for what the daemon still judges, and looks at it until it says the same twice. */
const SETTLING_MS = 500
const LOOKS_MAX = 10
const PATIENCE_MS = 120_000
/** Milliseconds that a packet may take. */
const SLOW_MS = 5
/** Real time that is waited for. */
export const HOURS_MAX = 1

/** Throws a Failure (69) where it cannot be played. */
export async function replay(asked: AskedReplay, openClone: OpenClone): Promise<Replayed> {
  const { script, withGaps, progress } = asked
  const seconds = (script.lines.at(-1)?.at ?? 0) / 1_000
  if (withGaps && seconds > HOURS_MAX * 3_600)
    throw new Failure(`with its gaps it takes ${Math.ceil(seconds / 3_600)} hours, and one is the most`, {
      exit: EXIT.unavailable,
      hint: 'Without --with-gaps it takes seconds; editcap -A and -B cut a part out of it.',
    })
  progress('Making the host that the capture file is about …')
  await using clone = await openClone(UPLINK)
  const settings = `${clone.directory}/replay.toml`
  const stage = stageOf(clone, machineOf(script), ['--settings', settings])
  await stage.furnish()
  await clone.ip('gate', [`link set ${UPLINK} mtu ${LONGEST}`])
  await clone.ip('outside', [`link set outside mtu ${LONGEST}`, ...WAYS])
  await done(clone.outside.run([...clone.inClone, 'load'], SILENCE), 'its silence')
  await done(clone.gate.run(['sh', '-c', 'cat >"$1"', 'sh', settings], asked.settings), 'the settings')
  await stage.arm()
  progress(`Playing ${script.lines.length} packets …`)
  const played = await playedIn(clone, script, withGaps)
  progress('Asking who was locked out …')
  const found = await answersOf(clone, settings)
  progress('')
  return {
    own: script.own,
    packets: script.packets,
    hosts: script.hosts,
    seconds,
    lockedOut: lockedOutOf(found.flies, script),
    spared: found.spared,
    kernel: found.kernel,
    remarks: remarksOf(script, played, withGaps),
  }
}

/** What segmentation offload has left longer than a cable takes goes as it is. */
const LONGEST = 65_535
/** Multicast and broadcast, too. */
const WAYS = [
  'route replace 0.0.0.0/0 dev outside',
  'route replace ::/0 dev outside',
  // The clients of a proof live outside, and may be anybody here.
  ...CLIENTS.map(prefix => `route delete local ${prefix} dev lo`),
]

function machineOf({ own, lines, services, callsFrom }: Script): Machine {
  const inFile = new Set(lines.map(({ source }) => source))
  const families = [...new Set(own.map(familyOf))]
  return {
    ruleset: SILENCE,
    uplink: UPLINK,
    links: [],
    addresses: own.map(address => ({
      device: UPLINK,
      address,
      length: familyOf(address) === 6 ? 128 : 32,
    })),
    routes: families.map(family => ({
      to: 'default',
      gateway: gatewayBeside(inFile, family),
      device: UPLINK,
    })),
    sysctls: {
      'net/ipv4/ip_local_port_range': `${callsFrom.least} ${callsFrom.most}`,
      'net/ipv4/conf/all/accept_redirects': '0',
      'net/ipv4/conf/default/accept_redirects': '0',
      'net/ipv6/conf/all/accept_redirects': '0',
      'net/ipv6/conf/default/accept_redirects': '0',
    },
    services,
    innocents: [],
    missing: [],
  }
}

function gatewayBeside(inFile: ReadonlySet<string>, family: Family): string {
  const free = GATEWAYS[family].find(gateway => !inFile.has(gateway))
  if (free !== undefined) return free
  throw new Failure(
    `somebody in it has each address that its gateway could have: ${GATEWAYS[family].join(', ')}`,
    {
      exit: EXIT.unavailable,
    },
  )
}

async function playedIn({ between, inClone }: Clone, script: Script, withGaps: boolean): Promise<Played> {
  const play: Play = {
    mark: MARK,
    withGaps,
    items: script.lines.map(({ isOut, at, bytes }) => ({ isOut, at, bytes: bytes.toString('base64') })),
  }
  const length = withGaps ? (script.lines.at(-1)?.at ?? 0) : 0
  const patience = PATIENCE_MS + script.lines.length * SLOW_MS + length
  const { stdout } = await done(between([...inClone, 'play'], JSON.stringify(play), patience), 'its packets')
  return PlayedAnswer.parse(JSON.parse(stdout))
}

const PlayedAnswer = z.object({ refused: z.record(z.string(), z.int()) })

async function done(running: ReturnType<Clone['gate']['run']>, what: string) {
  const ran = await running
  // As in stage.ts: a program that has said all may crash while it ends.
  if (ran.code === 0 || ran.stdout.endsWith('\n')) return ran
  throw new Failure(`the capture file cannot be played: ${what}`, {
    exit: EXIT.unavailable,
    hint: ran.stderr.trim().slice(-2_000),
  })
}

const TriedAnswer: z.ZodType<Tried> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tcp'), port: z.int(), from: z.int().optional(), flags: z.int() }),
  z.object({ kind: z.enum(['udp', 'sctp']), port: z.int(), from: z.int().optional() }),
  z.object({ kind: z.enum(['icmp', 'icmpv6']), type: z.int(), code: z.int() }),
  z.object({ kind: z.literal('protocol'), number: z.int(), hidden: z.literal(true).optional() }),
]) as z.ZodType<Tried>
const FlyAnswer = z.object({
  source: z.string(),
  packetSource: z.string().optional(),
  tried: TriedAnswer.optional(),
  because: z.string(),
})
const ReportAnswer = z.object({
  spared: z.array(z.object({ because: z.string(), packets: z.int(), sources: z.int() })),
})
const StatusAnswer = z.object({
  daemon: z.object({ counts: z.object({ packets: z.int(), kernel: z.record(z.string(), z.int()) }) }),
})

/** Asked until nothing is new any more. */
async function answersOf({ gate, flypaperd, directory }: Clone, settings: string) {
  const places = ['--settings', settings, '--socket', `${directory}/control.sock`, '--state', directory]
  const ask = async <T>(shape: z.ZodType<T>, ...words: string[]) => {
    const ran = await done(gate.run([...flypaperd, ...words, '--json', ...places]), words[0]!)
    return shape.parse(JSON.parse(ran.stdout))
  }
  let before = -1
  for (let looks = 1; ; looks++) {
    await sleep(SETTLING_MS)
    const { counts } = (await ask(StatusAnswer, 'status')).daemon
    if (counts.packets === before || looks === LOOKS_MAX) {
      const flies = await ask(z.array(FlyAnswer), 'list', '--all')
      const { spared } = await ask(ReportAnswer, 'report')
      const kernel = Object.fromEntries(Object.entries(counts.kernel).filter(([, packets]) => packets > 0))
      return { flies, spared, kernel }
    }
    before = counts.packets
  }
}

function lockedOutOf(flies: readonly z.infer<typeof FlyAnswer>[], script: Script): LockedOut[] {
  const cameFrom = Map.groupBy(
    script.lines.filter(({ isOut }) => !isOut),
    ({ source }) => source,
  )
  return flies.map(fly => oneLockedOut(fly, cameFrom, script))
}

function oneLockedOut(
  { source, packetSource, tried, because }: z.infer<typeof FlyAnswer>,
  cameFrom: ReadonlyMap<string, readonly Line[]>,
  { flows, packets }: Script,
): LockedOut {
  const who = packetSource ?? source
  const flow = flows.of(who)
  const line = cameFrom.get(who)?.find(one => isSame(one, tried))
  return {
    source,
    packetSource,
    tried,
    because,
    ...(line !== undefined && { packet: line.number, at: line.at / 1_000 }),
    ...flow,
    isHalved: flow.isHalved || packets.out === 0,
  }
}

function isSame({ tried }: Line, wanted: Tried | undefined): boolean {
  if (tried === undefined || wanted === undefined || tried.kind !== wanted.kind) return false
  return Object.entries(wanted).every(
    ([key, value]) => value === undefined || (tried as Readonly<Record<string, unknown>>)[key] === value,
  )
}

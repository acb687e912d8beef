/** What is tried beside every manager. Each trial sends something and tells what came of it; who judges that is beside.ts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CASES, GATE, GATE6, gateAsks, whoIsIn } from '../support/corpus.ts'
import { toAll } from '../support/innocents.ts'
import { nmap } from '../support/scanning.ts'
import { send } from '../support/sender.ts'
import type { Host } from '../support/world.ts'
import { PUBLISHED } from './managers.ts'
import type { Site } from './site.ts'

/** Each port is asked twice at most. */
const RATE = ['-Pn', '-T5', '--max-retries', '1', '--min-rate']
const SERVICES = [22, 80, 43974]

export interface Scan {
  readonly name: string
  readonly args: readonly string[]
  /** Packets a second; 1,000 unless told. */
  readonly rate?: number
}

/** Closed ports first. After each scan its source looks for the services: had it been let go, it would find them. */
export const SCANS: readonly Scan[] = [
  { name: '-sS of 301 ports', args: ['-sS', '-r', '-p', '101-400,43974'] },
  { name: '-sF of 301 ports', args: ['-sF', '-r', '-p', '101-400,43974'] },
  { name: '-sU of 101 ports', args: ['-sU', '-r', '-p', '101-200,443'] },
  { name: '-sS of 301 ports by IPv6', args: ['-6', '-sS', '-r', '-p', '101-400,43974'] },
]
/** Five seconds, in which the manager is reloaded. */
export const SLOW: Scan = {
  name: '-sS',
  args: ['-sS', '-r', '-p', '101-600,43974', '--max-rate', '200'],
  rate: 200,
}
export const SLOW_CLOSED: Scan = { ...SLOW, args: ['-sS', '-r', '-p', '101-600', '--max-rate', '200'] }

/** The open TCP ports that the scan, and the look behind it, has found. The look comes when what happens during the scan is over, too. */
export async function openPorts(
  { scanner }: Site,
  { args, rate = 1000 }: Scan,
  during: () => Promise<unknown> = async () => {},
): Promise<number[]> {
  const six = args.includes('-6')
  const target = six ? GATE6 : GATE
  const [scan] = await Promise.all([nmap(scanner, [...RATE, String(rate), ...args, target]), during()])
  const ports = [...SERVICES, PUBLISHED].join(',')
  const look = await nmap(scanner, [...(six ? ['-6'] : []), ...RATE, '1000', '-sS', '-p', ports, target])
  const open = args.includes('-sU') ? look.ports('open') : [...scan.ports('open'), ...look.ports('open')]
  return [...new Set(open)].sort((one, other) => one - other)
}

/** So many sources of each family touch a closed port, and in the same burst three open ones. */
export const BURST = 100

/** How many of those SYNs to open ports were answered. */
export async function burst(
  { others }: Site,
  round: number,
  ports: readonly number[] = [81],
): Promise<number> {
  const sources = Array.from({ length: BURST }, (_, i) => i + 16)
  const bursts = [
    ...sources.map(i => [`198.19.${round}.${i}`, GATE] as const),
    ...sources.map(i => [`2001:db8:3:${round}${i.toString(16)}::7`, GATE6] as const),
  ].map(([source, destination]) => [...ports, ...SERVICES].map(tcp => ({ source, destination, tcp })))
  const { answers } = await send(others, { bursts })
  const open = answers.filter(({ kind }) => kind === 'syn-ack')
  return new Set(open.map(({ destination, detail }) => `${destination} ${detail}`)).size
}

/** The corpus of innocents: who of them was answered as he must be, by the name of his case. */
export async function innocents({ gate, others }: Site): Promise<string[]> {
  // What they sent without the trap made flows of them, and the gate's questions answers within these.
  await gate.must(['conntrack', '-F'])
  await gateAsks(gate)
  await gate.must(['conntrack', '-F'])
  const { answers } = await send(others, { bursts: CASES.map(({ packets }) => packets) })
  const chatter = [...toAll('192.0.2.40'), ...toAll('2001:db8:1::40')]
  await send(others, { bursts: chatter.map(packet => [packet]), wait: 0 })
  await sleep(500)
  return CASES.filter(({ answered, source }) =>
    answers.some(({ destination, kind }) => destination === source && kind === answered),
  ).map(({ name }) => name)
}

/** Of the innocents, who is in which of the trap's sets. */
export const stuckIn = whoIsIn

/** At the same time from each of these sources so many connections to one port: how many were not made. */
export async function connect(
  host: Host,
  sources: readonly string[],
  port: number,
  count = 200,
): Promise<number> {
  const failures = sources.map(async source => {
    const to = source.includes(':') ? GATE6 : GATE
    const failed = await host.must([process.execPath, '-e', CONNECT, source, to, `${port}`, `${count}`])
    return Number(failed)
  })
  return (await Promise.all(failures)).reduce((sum, failed) => sum + failed, 0)
}

const CONNECT = `const [source, host, port, count] = process.argv.slice(1)
let failed = 0
const sockets = Array.from({ length: Number(count) }, () =>
  require('node:net').connect({ host, port: Number(port), localAddress: source }))
const connected = sockets.map(socket => new Promise(done => {
  socket.on('connect', done).on('error', () => { failed += 1; done() }).setTimeout(15000, () => socket.destroy(new Error('late')))
}))
Promise.all(connected).then(() => { console.log(failed); sockets.forEach(socket => socket.destroy()) })`

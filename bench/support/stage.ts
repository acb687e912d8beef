/** Where it is measured: a gate that is attacked, and a scanner that sends with any source of 10.0.0.0/8 or 2001:db8::/32. */
import { must } from '../../test/support/process.ts'
import { serve } from '../../test/support/server.ts'
import { type Host, makeWorld } from '../../test/support/world.ts'
import { compiled } from './programs.ts'

export interface Stage extends AsyncDisposable {
  readonly gate: Host
  readonly scanner: Host
  /** Sends from the scanner to the gate, at its IPv4 address unless told; the options are those of c/generator.c. */
  send(options: Readonly<Record<string, string | number>>, to?: string): Promise<Sent>
}

export interface Sent {
  readonly sent: number
  /** CLOCK_MONOTONIC, in nanoseconds. */
  readonly began: number
  readonly ended: number
  /** Median ns a packet of the chunks, when they were asked for. */
  readonly chunk_ns: number
}

export const GATE = '192.0.2.1'
export const SCANNER = '192.0.2.9'
export const GATE6 = '2001:db8:ffff:ffff::1'
const SCANNER6 = '2001:db8:ffff:ffff::9'
export const OPEN_PORT = 22
export const CLOSED_PORT = 81

/** A world of its own, with a TCP service behind the open port. */
export async function makeStage(): Promise<Stage> {
  await using opening = new AsyncDisposableStack()
  const world = opening.use(await makeWorld())
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  const ends = { a: [`${GATE}/24`, `${GATE6}/64`], b: [`${SCANNER}/24`, `${SCANNER6}/64`] }
  const { a, b } = await world.link(gate, scanner, ends)
  await gate.route('10.0.0.0/8', SCANNER)
  await gate.route('2001:db8::/32', SCANNER6)
  await serve(gate, `tcp:${OPEN_PORT}`)
  const [from, to] = [await macOf(scanner, b), await macOf(gate, a)]
  const generator = await compiled('generator')
  const opened = opening.move()
  return {
    gate,
    scanner,
    async send(options, destination = GATE) {
      const words = Object.entries(options).map(([name, value]) => `${name}=${value}`)
      const command = [generator, b, from, to, destination, ...words]
      return JSON.parse(await scanner.must(command, { timeout: 600_000 }))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function macOf(host: Host, name: string): Promise<string> {
  const [{ address }] = JSON.parse(await host.must(['ip', '-json', 'link', 'show', name]))
  return address
}

/** What the machine is, as far as it matters for figures. */
export async function machine(): Promise<string> {
  const processors = (await must(['nproc'])).trim()
  const kernel = (await must(['uname', '-r'])).trim()
  const [, model = 'unknown'] = /^model name\s*: (.*)$/m.exec(await must(['cat', '/proc/cpuinfo'])) ?? []
  const load = (await must(['cat', '/proc/loadavg'])).split(' ').slice(0, 3).join(' ')
  return `${processors} processors (${model}), Linux ${kernel}, Node ${process.versions.node}, load ${load}`
}

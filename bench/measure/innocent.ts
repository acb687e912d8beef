/**
 * What innocents pay: a packet of a flow that conntrack knows, an echo request with its answer, and a whole new connection, in
 * each mode of `closed`, beside the same firewall without flypaperd and beside no rules at all. What the sending itself takes is
 * measured by frames that no protocol takes, and subtracted.
 */
import { flypaperd, knowsSettings } from '../support/contestants.ts'
import type { Effort, Figure } from '../support/figure.ts'
import { compiled } from '../support/programs.ts'
import { GATE, makeStage, SCANNER, type Stage } from '../support/stage.ts'
import { inTurns } from '../support/turns.ts'

const TCP_PORT = 80
const UDP_PORT = 53
const PACKETS = 100_000
const CONNECTIONS = 2_000
const TURNS = 3
/** Sender, client and server stay on one processor, so that no time depends on which is free. */
const CPU = 1

const FIREWALL = `table inet filter {
  chain input {
    type filter hook input priority filter; policy drop
    ct state established,related accept
    iif lo accept
    icmp type echo-request accept
    tcp dport ${TCP_PORT} accept
    udp dport ${UDP_PORT} accept
  }
}`

/** The settings of each mode; one that this version does not know is left out. */
const MODES = {
  listening: 'closed = "listening"',
  unmatched: 'closed = "unmatched"\nchains.input = ["input"]',
  unaccepted: 'closed = "unaccepted"',
}

export async function innocent({ runs }: Effort): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack()
  const stages: Record<string, Stage> = {}
  const open = async (name: string, rules: string, settings?: string) => {
    const stage = opened.use(await makeStage())
    await stage.gate.nft(rules)
    if (settings !== undefined) opened.use(await flypaperd(stage, 'log', settings))
    const server = [await compiled('server'), String(TCP_PORT), String(UDP_PORT), String(CPU)]
    await (await stage.gate.start(server)).says(/^ready$/)
    stages[name] = stage
  }
  await open('no rules', '')
  await open('firewall', FIREWALL)
  for (const [mode, settings] of Object.entries(MODES))
    if (await knowsSettings(stages.firewall!, settings)) await open(mode, FIREWALL, settings)

  const attempts = Object.entries(stages).map(([name, stage]) => [name, () => measured(stage)] as const)
  const outcomes = await inTurns(runs * TURNS, Object.fromEntries(attempts))
  const modes = Object.keys(MODES).filter(mode => mode in outcomes)
  const figure = (what: string, unit: string, mode: string, key: keyof Outcome) => ({
    what: `${what}, ${mode}`,
    unit,
    runs: outcomes[mode]!.map(it => it[key]),
    beside: ['firewall', 'no rules'].map(name => ({ name, runs: outcomes[name]!.map(it => it[key]) })),
  })
  return [
    ...modes.map(mode => figure('a packet of a known flow', 'ns', mode, 'packet')),
    ...modes.map(mode => figure('an echo request and its answer', 'ns', mode, 'echo')),
    ...modes.map(mode => figure('a new connection, to its end', 'µs', mode, 'connection')),
  ]
}

interface Outcome {
  readonly packet: number
  readonly echo: number
  readonly connection: number
}

async function measured(stage: Stage): Promise<Outcome> {
  const flow = { first: SCANNER, sport: 40_000, ports: UDP_PORT, cpu: CPU }
  await stage.send({ ...flow, proto: 'udp' }) // Its answer makes the flow known.
  const chunks = { rounds: PACKETS, chunk: 256 }
  const sending = await stage.send({ ...flow, proto: 'none', ...chunks })
  const packet = await stage.send({ ...flow, proto: 'udp', ...chunks })
  const echo = await stage.send({ ...flow, proto: 'icmp', ...chunks })
  const client = [await compiled('client'), GATE, String(TCP_PORT), String(CONNECTIONS), '0', String(CPU)]
  const { p50, failed } = JSON.parse(await stage.scanner.must(client, { timeout: 120_000 }))
  if (failed > 0) throw new Error(`${failed} of ${CONNECTIONS} legitimate connections failed`)
  return {
    packet: packet.chunk_ns - sending.chunk_ns,
    echo: echo.chunk_ns - sending.chunk_ns,
    connection: p50,
  }
}

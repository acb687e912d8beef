import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, type ExitStatus } from '../../../terms/failure.ts'
import { reachDaemon } from '../../control/client.ts'
import type { DaemonStatus } from '../../control/status-protocol.ts'
import {
  historyLines,
  ringLines,
  type StatusLine,
  settingsLines,
  sparedLines,
  statusLines,
} from '../../status-lines.ts'
import { StatusFacts } from '../answers.ts'
import { notifyLines } from '../outside.ts'
import { paint, type Terminal } from '../terminal.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'

export const status: Verb = {
  name: 'status',
  summary: 'six lines: is the trap armed and well? Then, which settings are in force, and whom it has spared',
  options: [
    JSON_OPTION,
    { flags: '--brief', what: 'one line for a monitoring system: OK, or what is missing' },
  ],
  details: 'A running daemon tells it to whoever may speak to it; without one it takes root.',
  examples: ['sudo flypaperd status', 'sudo flypaperd status --brief', 'sudo flypaperd status --json'],
  answer: StatusFacts,
  exits: {
    [EXIT.ok]: 'all lines are OK',
    [EXIT.no]: 'a line says Missing',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const { system, options, print } = call
    const { daemon, lines } = await seen(call)
    if (options.brief) print(escapeText(briefOf(lines, daemon)))
    else if (options.json) print(jsonText({ lines, ...(daemon === undefined ? {} : { daemon }) }))
    else {
      for (const line of lines) print(textOf(line, system.terminal))
      if (daemon === undefined) return EXIT.notRunning
      for (const line of [
        ...settingsLines(daemon),
        ...historyLines(daemon),
        ...ringLines(daemon),
        ...sparedLines(daemon),
        ...notifyLines(system.outsideStatus, system.readText, daemon.outside ?? [], system.now()),
      ])
        print(escapeText(line))
    }
    return exitOf(lines, daemon !== undefined)
  },
}

interface Seen {
  readonly daemon?: DaemonStatus
  readonly lines: readonly StatusLine[]
}

/** A daemon that runs knows it all, and tells whoever may speak to it; without one the kernel is asked, which takes root. */
async function seen(call: Call): Promise<Seen> {
  const running = await reachDaemon(call.system.socket, 'status')
  if (running === undefined) return { lines: linesOf(call) }
  const daemon = await running.status()
  const lines = await running.health().catch(() => linesOf(call, daemon))
  return { daemon, lines }
}

/** What the kernel tells, where no daemon does. Takes root. */
export function linesOf({ system, usableSettings }: Call, daemon?: DaemonStatus): readonly StatusLine[] {
  using firewall = system.openFirewall()
  using history = system.openHistory({ readOnly: true })
  return statusLines({
    settings: usableSettings().settings,
    table: firewall.look(),
    supportsQueue: firewall.supports('queue'),
    supportsLog: firewall.supports('log'),
    flies: history.count(system.now()),
    forwards: system.surroundings.forwards(),
    hasUplink: system.surroundings.uplinks().length > 0,
    daemon,
  })
}

function textOf({ label, ok, reason }: StatusLine, terminal: Terminal): string {
  const word = ok ? paint(terminal, 'green', 'OK') : paint(terminal, 'red', 'Missing')
  return `${`${label}:`.padEnd(28)}${word}${reason === undefined ? '' : ` (${escapeText(reason)})`}`
}

/** `OK: 390 flies, dry run`, or `MISSING: process (…); …`. */
function briefOf(lines: readonly StatusLine[], daemon: DaemonStatus | undefined): string {
  const missing = lines.filter(({ ok }) => !ok)
  if (missing.length > 0) {
    const texts = missing.map(({ label, reason }) => `${label}${reason === undefined ? '' : ` (${reason})`}`)
    return `MISSING: ${texts.join('; ')}`
  }
  const flies = lines.find(({ label }) => label === 'flypaper set')?.reason ?? 'all lines are OK'
  const states = [
    ...(daemon?.dryRun ? ['dry run'] : []),
    ...(daemon?.pausedUntil === undefined ? [] : ['paused']),
    ...(daemon?.tryUntil === undefined ? [] : ['only tried']),
    ...(daemon?.history?.hangsSince === undefined ? [] : ['the history hangs']),
  ]
  return `OK: ${[flies, ...states].join(', ')}`
}

function exitOf(lines: readonly StatusLine[], running: boolean): ExitStatus {
  if (!running) return EXIT.notRunning
  return lines.every(({ ok }) => ok) ? EXIT.ok : EXIT.no
}

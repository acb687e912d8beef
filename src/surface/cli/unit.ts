/** The unit of systemd, as somebody in a terminal deals with it. */
import { resolve } from 'node:path'
import { DEFAULT_FILE } from '../../settings/sources.ts'
import { EXIT, type ExitStatus, Failure } from '../../terms/failure.ts'
import { reachDaemon } from '../control/client.ts'
import type { DaemonStatus } from '../control/status-protocol.ts'
import type { Call } from './verb.ts'

const UNIT = 'flypaperd.service'

/** The unit to which the running daemon belongs, for somebody outside of it. */
export async function unitOfRunning({ system }: Call): Promise<string | undefined> {
  if (system.unit !== undefined) return undefined
  return (await (await reachDaemon(system.socket))?.status())?.unit
}

/** What is said in a terminal would not be the unit's: so the unit is restarted as it is, or the command is told. */
export async function restartUnit({ system, options, print }: Call, unit: string): Promise<ExitStatus> {
  const command = `systemctl restart ${unit}`
  if (options.log !== undefined || options.settings !== undefined)
    throw new Failure(`flypaperd runs as ${unit}, which has its own settings and its own log`, {
      exit: EXIT.usage,
      hint: `To restart it as it is: ${command}`,
    })
  print(`flypaperd runs as ${unit}: ${command}`)
  const done = await system.systemctl('restart', unit)
  if (done?.isDone) return EXIT.ok
  throw new Failure(`${command} failed${done === undefined || done.text === '' ? '' : `: ${done.text}`}`, {
    exit: EXIT.unavailable,
    hint: `Its log says why: journalctl -u ${unit}`,
  })
}

/**
 * Lets the installed unit take a confirmed trap over from the daemon of the trial; returns what is to be said. It stays with that
 * daemon where there is no such unit, or where the unit would take other settings than those that were tried.
 */
export async function handToUnit(call: Call, tried: DaemonStatus): Promise<string> {
  const { system } = call
  const stays = 'The trap stays armed.'
  const isElsewhere = call.options.socket !== undefined || system.unit !== undefined
  if (tried.unit !== undefined || tried.tryUntil === undefined || isElsewhere) return stays
  const loaded = await system.systemctl('show', '--property=LoadState', '--value', UNIT)
  if (loaded?.text !== 'loaded') return stays
  if (tried.settingsFile !== undefined && tried.settingsFile !== resolve(DEFAULT_FILE))
    return `${stays} It was tried with ${tried.settingsFile}, so it is not handed over to ${UNIT}, which reads ${DEFAULT_FILE}.`
  await system.systemctl('reset-failed', UNIT)
  const started = await system.systemctl('start', UNIT)
  if (!started?.isDone) throw await notTaken(call, started?.text)
  const enabled = await system.systemctl('is-enabled', UNIT)
  const boot = enabled?.isDone ? '' : `\nAt boot it is not started yet: systemctl enable ${UNIT}`
  return `${stays} ${UNIT} has taken over.${boot}`
}

async function notTaken({ system }: Call, text = ''): Promise<Failure> {
  const running = await reachDaemon(system.socket).catch(() => undefined)
  const status = await running?.status()
  const now =
    status === undefined
      ? 'The trap is armed, and no daemon runs'
      : `The trap stays armed, with the daemon that tried it (pid ${status.pid})`
  return new Failure(`${UNIT} did not take over${text === '' ? '' : `: ${text}`}`, {
    exit: EXIT.unavailable,
    hint: `${now}. Why: journalctl -u ${UNIT}. Then: systemctl start ${UNIT}`,
  })
}

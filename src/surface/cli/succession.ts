/** A daemon that comes where one is: it refuses to run beside it, or takes over from it while the trap stays armed. */
import { checkArming } from '../../arm/arm.ts'
import { plan } from '../../daemon/policy.ts'
import type { Settings } from '../../settings/settings.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { reachDaemon } from '../control/client.ts'
import type { Control } from '../control/protocol.ts'
import { refuseHeld } from './holder.ts'
import type { System } from './system.ts'

/**
 * The daemon that has the trap and will be relieved of it; undefined when there is none. Throws a Failure (69) when it is not ours to
 * relieve. Changes nothing.
 */
export function predecessor(system: System, handOver: boolean): Promise<Control | undefined> {
  return forGood(system, async () => {
    const running = await reachDaemon(system.socket)
    if (running === undefined) return undefined
    const { pid, unit } = await running.status()
    // Two units would take it from each other without end, and one that loses its daemon to a terminal knows nothing of it.
    const isOurs = unit === undefined || unit === system.unit
    // Who starts the unit wants the trap to be the unit's: `start --dry-run` or `try` in a terminal came before.
    if (isOurs && (handOver || system.unit !== undefined)) return running
    throw runningAlready(pid, unit)
  })
}

/** Relieves the predecessor, if there is one; without, makes sure that nobody else has the trap. Throws a Failure (69, 78). */
export async function succeed(
  system: System,
  running: Control | undefined,
  settings: Settings,
): Promise<void> {
  if (running === undefined) return await forGood(system, async () => refuseHeld(system, settings))
  checkSettings(system, settings)
  await forGood(system, () => relieve(running, system))
}

/** What only a person can mend. Under systemd it has a status of its own, after which the unit is not started again (RestartPreventExitStatus=). */
async function forGood<T>({ unit }: System, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (unit === undefined || !(error instanceof Failure) || error.exit !== EXIT.unavailable) throw error
    throw new Failure(error.message, {
      exit: EXIT.taken,
      cause: error,
      ...(error.hint && { hint: error.hint }),
    })
  }
}

function runningAlready(pid: number, unit: string | undefined): Failure {
  const as = unit === undefined ? '' : `, as ${unit}`
  return new Failure(`flypaperd is running already (pid ${pid})${as}`, {
    exit: EXIT.unavailable,
    hint:
      unit === undefined
        ? 'To take over from it without disarming: flypaperd restart. To end it: flypaperd stop.'
        : `With the settings of now, without disarming: systemctl restart ${unit}. To end it: systemctl stop ${unit}.`,
  })
}

/** The running daemon is not ended for settings that this machine would refuse. */
function checkSettings({ openFirewall, lookAtFirewall, surroundings }: System, settings: Settings): void {
  using firewall = openFirewall()
  const policy = plan(settings, { lookAtFirewall, surroundings, supports: firewall.supports })
  checkArming({ firewall, ...policy })
}

async function relieve(running: Control, { socket, user }: System): Promise<void> {
  const { pid } = await running.status()
  await running.leave(user)
  for (let patience = 100; patience > 0; patience--) {
    if ((await reachDaemon(socket)) === undefined) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Failure(`the running flypaperd (pid ${pid}) does not end`, { exit: EXIT.unavailable })
}

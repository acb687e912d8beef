import { disarmTrap } from '../../../daemon/arming.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { reachDaemon } from '../../control/client.ts'
import { daemonAt, holderOfArmed } from '../holder.ts'
import type { Call, Verb } from '../verb.ts'

export const stop: Verb = {
  name: 'stop',
  summary: 'disarm the trap and end the daemon; the flies stay in the set',
  details:
    'Works without a daemon too: then it disarms what a killed one has left armed. A daemon that does not answer at its socket is found by the kernel, which knows who reads what the trap hands over.',
  examples: ['sudo flypaperd stop'],
  exits: {
    [EXIT.ok]: 'the trap is disarmed, also when none was armed',
  },
  async run(call) {
    const { system, print } = call
    print('Stopping portscan protection: flypaperd.')
    const daemon = await reachDaemon(system.socket).catch(orNobody)
    if (daemon !== undefined) await daemon.stop(system.user)
    else await stopByKernel(call)
    return EXIT.ok
  },
}

/** Who answers nothing, or what nobody understands, is another version or hangs: the kernel knows more of him. */
function orNobody(error: unknown): undefined {
  if (error instanceof Failure && error.exit === EXIT.unavailable) return undefined
  throw error
}

async function stopByKernel({ system, usableSettings, warn }: Call): Promise<void> {
  using firewall = system.openFirewall()
  const armed = holderOfArmed(system, firewall)
  const found = armed ?? daemonAt(system, usableSettings().settings)
  const { pid, program, isDaemon } = found?.holder ?? {}
  if (isDaemon && pid !== undefined) {
    warn(
      `A flypaperd (pid ${pid}) has ${found?.place}, and does not answer at ${system.socket}: it gets a signal.`,
    )
    if (!(await system.endDaemon(pid)))
      throw new Failure(`flypaperd (pid ${pid}) does not end, and would arm the trap again`, {
        exit: EXIT.unavailable,
        hint: `End it, and disarm what it leaves: kill -KILL ${pid}; flypaperd stop`,
      })
  }
  using history = system.openHistory()
  system.stateFile.remove()
  disarmTrap(firewall, history, system.now())
  if (armed === undefined || isDaemon) return
  if (pid !== undefined)
    return warn(
      `${armed.place} is read by ${program} (pid ${pid}), which is no flypaperd and was left alone.`,
    )
  throw new Failure(`disarmed, but somebody who cannot be seen from here still reads ${armed.place}`, {
    exit: EXIT.unavailable,
    hint: 'If that is a flypaperd in a container, it arms the trap again: stop it there.',
  })
}

/** Whom a verb acts through: the running daemon or, without one, the firewall and the history themselves. */

import { singlePrefixes } from '../../arm/surroundings.ts'
import { openFlypaper } from '../../lockout/flypaper.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { flyNamer } from '../../terms/fly.ts'
import { type Client, reachDaemon } from '../control/client.ts'
import { freeWhom } from '../control/freeing.ts'
import type { Control } from '../control/protocol.ts'
import type { Call } from './verb.ts'

/** What can be done to the flies with and without a daemon. */
export type Actions = Pick<Control, 'free' | 'flush'>

export async function runningDaemon({ system }: Call): Promise<Client> {
  const daemon = await reachDaemon(system.socket)
  if (daemon !== undefined) return daemon
  throw new Failure('flypaperd is not running', {
    exit: EXIT.notRunning,
    hint: 'Start it: sudo flypaperd start',
  })
}

export async function withActions<T>(call: Call, act: (actions: Actions) => Promise<T>): Promise<T> {
  const daemon = await reachDaemon(call.system.socket)
  return daemon === undefined ? withoutDaemon(call, act) : act(daemon)
}

async function withoutDaemon<T>(
  { system, settings }: Call,
  act: (actions: Actions) => Promise<T>,
): Promise<T> {
  const wanted = settings()
  using firewall = system.openFirewall()
  using history = system.openHistory()
  const nameFly = flyNamer(singlePrefixes(system.surroundings.neighbourhood(), wanted.never))
  const flypaper = openFlypaper({ firewall, memory: history, settings: wanted, nameFly, now: system.now() })
  return act({
    free: request => freeWhom({ flypaper, history, now: system.now }, { ...request, by: system.signature }),
    flush: () => flypaper.flush(system.signature, system.now),
  })
}

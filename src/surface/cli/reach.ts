/** Whom a verb acts through: the running daemon or, without one, the firewall and the history themselves. */
import { presentSets } from '../../arm/firewall.ts'
import type { Ledger } from '../../lockout/commit.ts'
import { indexOf } from '../../lockout/flies.ts'
import { flush, freeIn } from '../../lockout/free.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
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

/** The settings are not asked: who is freed does not depend on them, and they may be broken when somebody needs this. */
async function withoutDaemon<T>({ system }: Call, act: (actions: Actions) => Promise<T>): Promise<T> {
  const { now } = system
  using firewall = system.openFirewall()
  using history = system.openHistory()
  const ledger: Ledger = {
    firewall: presentSets(firewall),
    history,
    flies: indexOf(history, now()),
    refused(error) {
      throw error
    },
  }
  return act({
    free: request =>
      freeWhom({ free: (wanted, by) => freeIn(wanted, by, ledger, now()), history, now }, request),
    flush: by => flush(ledger, by, now),
  })
}

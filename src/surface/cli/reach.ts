/** Whom a verb acts through: the running daemon or, without one, the firewall and the history themselves. */
import { presentSets } from '../../arm/firewall.ts'
import { nearOf } from '../../arm/near.ts'
import type { Ledger } from '../../lockout/commit.ts'
import { indexOf } from '../../lockout/flies.ts'
import { flush, freeIn, freeThese } from '../../lockout/free.ts'
import { neverOf } from '../../settings/settings.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { type Client, reachDaemon } from '../control/client.ts'
import type { EndpointName } from '../control/endpoints.ts'
import { freeWhom } from '../control/freeing.ts'
import type { Control } from '../control/protocol.ts'
import type { Call } from './verb.ts'

/** What can be done to the flies with and without a daemon. */
export type Actions = Pick<Control, 'free' | 'flush'>

/** `to`: what it will be asked for, which decides by which sockets it may be reached. */
export async function runningDaemon({ system }: Call, to: EndpointName): Promise<Client> {
  const daemon = await reachDaemon(system.socket, to)
  if (daemon !== undefined) return daemon
  throw new Failure('flypaperd is not running', {
    exit: EXIT.notRunning,
    hint: 'Start it: sudo flypaperd start',
  })
}

export async function withActions<T>(
  call: Call,
  to: 'free' | 'flush',
  act: (actions: Actions) => Promise<T>,
): Promise<T> {
  const daemon = await reachDaemon(call.system.socket, to)
  return daemon === undefined ? withoutDaemon(call, act) : act(daemon)
}

/** Settings that are broken are no obstacle: of them only the never-list is asked, for how flies are named. */
async function withoutDaemon<T>(
  { system, usableSettings }: Call,
  act: (actions: Actions) => Promise<T>,
): Promise<T> {
  const { now } = system
  const settings = { ...usableSettings().settings, neverByHand: system.neverByHand() }
  await system.surroundings.rereadResolvers()
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
  const { nameFly } = nearOf(system.surroundings.neighbourhood(), neverOf(settings), settings.shared)
  // Awaited, since what it acts through is closed at the end of this function.
  return await act({
    free: request =>
      freeWhom(
        {
          free: (wanted, by, freed) => freeIn(wanted, by, { ledger, nameFly, now }, freed),
          freeThese: (sources, by) => freeThese(sources, by, ledger, now()),
          nets: () => ledger.flies.nets(now()),
          history,
          now,
        },
        { ...request, by: system.signature },
      ),
    flush: () => flush(ledger, system.signature, now),
  })
}

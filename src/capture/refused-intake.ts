/** The part of the trap that only closed = "unaccepted" has: the doorbell rings, the daemon looks who was refused, judges, and forgets. */
import type { Firewall } from '../arm/firewall.ts'
import { openDoorbell } from './doorbell.ts'
import type { PacketSockets } from './intake.ts'
import { type PassingSets, type RefusedFate, type RefusedWatch, watchRefused } from './refused.ts'

interface RefusedWorld {
  readonly firewall: Firewall
  readonly sockets: PacketSockets
  readonly passingSets: PassingSets
}

/** Throws when the group of the doorbell is taken. Begins with a look: somebody may have been refused while nobody looked. */
export function openRefused(
  world: RefusedWorld,
  number: number,
  receive: RefusedFate['receive'],
  onError: (error: unknown) => void,
): RefusedWatch {
  const watch = watchRefused(world.passingSets, { receive, ...forgetting(world.firewall) }, onError)
  const doorbell = openDoorbell(world.sockets, number, () => watch.look(), onError)
  return {
    look: () => watch.look(),
    [Symbol.dispose]() {
      doorbell[Symbol.dispose]()
      watch[Symbol.dispose]()
    },
  }
}

/** Also in a dry run: these sets shut nobody out. Who is pending stays so until the kernel's time is over, or there would be a gap. */
function forgetting(firewall: Firewall): Omit<RefusedFate, 'receive'> {
  return {
    forget(refused) {
      const elements = (isSix: boolean) =>
        refused
          .filter(({ source }) => source.includes(':') === isSix)
          .map(({ source, destination, protocol, port }) => ({
            element: [source, destination, protocol, port],
          }))
      firewall.change([
        { change: 'remove', set: 'flypaper_passing', elements: elements(false) },
        { change: 'remove', set: 'flypaper_passing6', elements: elements(true) },
      ])
    },
    forgetAll() {
      firewall.change([
        { change: 'empty', set: 'flypaper_passing' },
        { change: 'empty', set: 'flypaper_passing6' },
      ])
    },
  }
}

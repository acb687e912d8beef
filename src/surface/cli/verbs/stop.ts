import { disarmTrap } from '../../../daemon/arming.ts'
import { EXIT } from '../../../terms/failure.ts'
import { reachDaemon } from '../../control/client.ts'
import type { Verb } from '../verb.ts'

export const stop: Verb = {
  name: 'stop',
  summary: 'disarm the trap and end the daemon; the flies stay in the set',
  details: 'Works without a daemon too: then it disarms what a killed one has left armed.',
  examples: ['sudo flypaperd stop'],
  exits: {
    [EXIT.ok]: 'the trap is disarmed, also when none was armed',
  },
  async run({ system, print }) {
    print('Stopping portscan protection: flypaperd.')
    const daemon = await reachDaemon(system.socket)
    if (daemon !== undefined) await daemon.stop(system.user)
    else {
      using firewall = system.openFirewall()
      using history = system.openHistory()
      system.stateFile.remove()
      disarmTrap(firewall, history, system.now())
    }
    return EXIT.ok
  },
}

import { tasksOf } from '../../../settings/outside.ts'
import { EXIT } from '../../../terms/failure.ts'
import { LOG_OPTION, logOf } from '../log-option.ts'
import type { Verb } from '../verb.ts'

export const outside: Verb = {
  name: 'outside',
  summary:
    'tell by mail, webhook or program what happens, as [notify] of the settings says, and look up its names, until Ctrl-C',
  options: [LOG_OPTION],
  details:
    'A process of its own beside the daemon, with neither root nor any capability; the unit flypaperd-outside.service runs it. It reads from the daemon through a socket, changes nothing, and tells it through another which hosts the `names` of the settings have. What cannot be delivered is tried again; `flypaperd status` says how it stands. It keeps what waits in a directory beside that of the history, /var/lib/flypaperd-outside.',
  examples: ['flypaperd outside', 'sudo systemctl enable --now flypaperd-outside'],
  exits: {
    [EXIT.ok]: 'ended by Ctrl-C or SIGTERM, or nothing is configured',
  },
  async run(call) {
    const { system, print } = call
    const settings = call.settings()
    if (tasksOf(settings).length === 0) {
      print(
        'Nothing to do: [notify] in the settings names neither mail nor webhook nor command, and there are no names to look up.',
      )
      return EXIT.ok
    }
    const end = new AbortController()
    using _ = system.onSignal(['SIGINT', 'SIGTERM'], () => end.abort())
    using running = await system.openOutside(logOf(call) ?? settings.log)
    await running.run(settings, end.signal)
    return EXIT.ok
  },
}

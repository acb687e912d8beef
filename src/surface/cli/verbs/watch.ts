import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { EventLine } from '../../control/protocol.ts'
import { runningDaemon } from '../reach.ts'
import { paint } from '../terminal.ts'
import { dateText } from '../times.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'

export const watch: Verb = {
  name: 'watch',
  summary: 'what happens from now on, one line an event, until Ctrl-C',
  options: [{ ...JSON_OPTION, what: 'one line of JSON an event, for programs' }],
  details: 'Shows more than the log: also who offended and was let go, summed up once a second.',
  examples: ['sudo flypaperd watch', 'sudo flypaperd watch --json'],
  answer: EventLine,
  exits: {
    [EXIT.ok]: 'ended by Ctrl-C',
    [EXIT.notRunning]: 'the daemon is not running, or has ended',
  },
  async run(call) {
    const { system, options, print } = call
    const end = new AbortController()
    const stop = () => end.abort()
    using _ = system.onSignal(['SIGINT', 'SIGTERM'], stop)
    call.gone.addEventListener('abort', stop)
    const daemon = await runningDaemon(call, 'events')
    try {
      for await (const event of daemon.events(end.signal)) {
        if (options.json) print(jsonText(event))
        else print(`${paint(system.terminal, 'dim', timeText(event.at))} ${escapeText(event.text)}`)
      }
    } catch (error) {
      if (!end.signal.aborted) throw error
    }
    if (end.signal.aborted) return EXIT.ok
    call.warn('The daemon has ended.')
    return EXIT.notRunning
  },
}

function timeText(at: string): string {
  return dateText(Date.parse(at))
}

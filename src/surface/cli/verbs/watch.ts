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
  options: [
    { ...JSON_OPTION, what: 'one line of JSON an event, for programs' },
    {
      flags: '--after <id>',
      what: 'from the history, so that nothing is lost: start, now, or the id of a line',
    },
  ],
  details:
    'Shows more than the log: also who offended and was let go, summed up once a second. With --after the history is read: --after start tells all that it has, and each line has an id (--json), with which a later --after goes on behind it, also after a restart. The last one is said at the end. Who was let go is told every ten seconds then, and what is missing as a gap.',
  examples: [
    'sudo flypaperd watch',
    'sudo flypaperd watch --json',
    'sudo flypaperd watch --after start',
    'sudo flypaperd watch --after now --json',
  ],
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
    const after = options.after === undefined ? undefined : String(options.after)
    const daemon = await runningDaemon(call, 'events')
    let last: string | undefined
    try {
      for await (const event of daemon.events(end.signal, after)) {
        last = event.id
        if (options.json) print(jsonText(event))
        else if (event.event !== 'heartbeat')
          print(`${paint(system.terminal, 'dim', timeText(event.at))} ${escapeText(event.text)}`)
      }
    } catch (error) {
      if (!end.signal.aborted) throw error
    }
    if (!end.signal.aborted) call.warn('The daemon has ended.')
    if (last !== undefined) call.warn(`What comes next: flypaperd watch --after ${escapeText(last)}`)
    return end.signal.aborted ? EXIT.ok : EXIT.notRunning
  },
}

function timeText(at: string): string {
  return dateText(Date.parse(at))
}

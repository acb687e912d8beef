import { formatDuration, parseDuration } from '../../../terms/duration.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { PAUSE_MAX } from '../../control/protocol.ts'
import { PauseAnswer } from '../answers.ts'
import { runningDaemon } from '../reach.ts'
import { JSON_OPTION, type Verb } from '../verb.ts'

export const pause: Verb = {
  name: 'pause',
  summary: 'lock out nobody new for a while; the flies stay',
  args: '<time>',
  options: [JSON_OPTION],
  details: `Meanwhile closed ports answer as they would without the trap, and nobody is held: for a move, a test from outside, or doubt. It ends by itself after the time, at most ${formatDuration(PAUSE_MAX)}, also when the daemon is restarted; \`pause 0\` ends it at once. Needs the daemon.`,
  examples: ['sudo flypaperd pause 10m', 'sudo flypaperd pause 0'],
  answer: PauseAnswer,
  exits: {
    [EXIT.ok]: 'it is paused, or the pause is over, also when there was none',
    [EXIT.notRunning]: 'the daemon is not running',
  },
  async run(call) {
    const { system, options, print } = call
    const seconds = secondsOf(call.args[0] ?? '')
    const daemon = await runningDaemon(call, 'pause')
    await daemon.pause({ seconds, by: system.user })
    if (options.json) print(jsonText({ seconds }))
    else if (seconds === 0) print('The pause is over.')
    else print(`Paused for ${formatDuration(seconds)}: nobody new is held or locked out.`)
    return EXIT.ok
  },
}

function secondsOf(text: string): number {
  const seconds = text === '0' ? 0 : parseDuration(text)
  if (seconds !== undefined && seconds >= 0 && seconds <= PAUSE_MAX) return seconds
  throw new Failure(
    `a pause takes a time up to ${formatDuration(PAUSE_MAX)}, such as 10m or 600, or 0, not ${escapeText(text)}`,
    {
      exit: EXIT.usage,
      hint: 'There is none without an end. For good: flypaperd stop.',
    },
  )
}

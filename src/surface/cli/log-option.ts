/** Where the log goes this time: an option of all verbs that run the daemon. */
import { LOG_TO, type LogTo } from '../../settings/settings.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import type { Call } from './verb.ts'

export const LOG_OPTION = {
  flags: '--log <where>',
  what: `where the log goes, whatever the settings say: ${LOG_TO.join(', ')}`,
} as const

/** Undefined: as the settings say. Throws a Failure (64) for a word that is none of these. */
export function logOf({ options }: Pick<Call, 'options'>): LogTo | undefined {
  if (options.log === undefined) return undefined
  const to = LOG_TO.find(word => word === options.log)
  if (to !== undefined) return to
  throw new Failure(`--log takes one of ${LOG_TO.join(', ')}, not ${escapeText(String(options.log))}`, {
    exit: EXIT.usage,
  })
}

/** Options of every verb: where its settings, its daemon and its history are. */
import { resolve } from 'node:path'
import { DEFAULT_FILE } from '../../settings/sources.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { reachDaemon } from '../control/client.ts'
import type { Told } from './system.ts'
import type { Call, Verb } from './verb.ts'

export const COMMON_OPTIONS = [
  { flags: '--settings <file>', what: `read the settings here instead of ${DEFAULT_FILE}` },
  { flags: '--socket <path>', what: 'the control socket, instead of /run/flypaperd/control.sock' },
  { flags: '--state <directory>', what: 'where the history lies, instead of /var/lib/flypaperd' },
] as const

/**
 * What the options say. A daemon that is named by its socket alone tells where its history lies: that of another one would be
 * a wrong answer. Throws a Failure: 64 for an empty word, 3 where no daemon answers and the history is not named.
 */
export async function placesTold({ isDaemon }: Verb, options: Call['options']): Promise<Told> {
  const [socket, state] = [named(options, 'socket'), named(options, 'state')]
  if (socket === undefined || state !== undefined) return { isDaemon, socket, state }
  const daemon = await reachDaemon(socket, 'status')
  if (daemon !== undefined) return { isDaemon, socket, state: (await daemon.status()).state }
  if (isDaemon) return { isDaemon, socket }
  throw new Failure(`no flypaperd answers at ${socket}`, {
    exit: EXIT.notRunning,
    hint: 'Without it nobody tells where its history lies: name that directory as well, by --state.',
  })
}

function named(options: Call['options'], option: 'socket' | 'state'): string | undefined {
  const path = options[option]
  if (path === undefined) return undefined
  if (typeof path === 'string' && path !== '') return resolve(path)
  throw new Failure(`--${option} takes a path`, { exit: EXIT.usage })
}

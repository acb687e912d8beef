/** Verbs that read the history read its file themselves. */
import type { History } from '../../history/history.ts'
import { EXIT, Failure } from '../../terms/failure.ts'
import { reachDaemon } from '../control/client.ts'
import type { Call } from './verb.ts'

/**
 * Throws a Failure (69) where the running daemon says that its disk hangs: whoever touches that waits as well, and no signal ends him.
 * Whoever may not ask a daemon reads all the same.
 */
export async function historyToRead({ system }: Call, dryRun = false): Promise<History> {
  const daemon = await reachDaemon(system.socket, 'status').catch(() => undefined)
  const status = await daemon?.status().catch(() => undefined)
  const since = status?.history?.hangsSince
  if (since === undefined) return system.openHistory({ readOnly: true, dryRun })
  throw new Failure(
    `the history hangs: the disk of ${system.state} does not answer since ${new Date(since).toISOString()}`,
    {
      exit: EXIT.unavailable,
      hint: 'Look at that disk and its mount. Locking out goes on; flypaperd status says what waits.',
    },
  )
}

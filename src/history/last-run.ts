/** How the daemon before this one ended, as far as it matters for what it remembered. */

import type { Log } from '../log/log.ts'
import type { History } from './history.ts'

const RUNNING = 'running'

/**
 * Says what may be missing, and remembers that we run, until disposed of. `boot` names the boot of this machine: what was
 * written survives the death of a process, but of the last second before a power cut nothing need be on the disk.
 */
export function sayHowItEnded(
  history: Pick<History, 'getMeta' | 'setMeta'>,
  boot: string,
  log: Log,
): Disposable {
  const last = history.getMeta(RUNNING) ?? ''
  if (last === boot) log.info('the daemon before this one was killed: nothing that it said is missing')
  else if (last !== '')
    log.warn(
      'this machine went down without warning: lockouts of its last second may be missing in the history',
    )
  history.setMeta(RUNNING, boot)
  return { [Symbol.dispose]: () => history.setMeta(RUNNING, '') }
}

/** The running daemon as this process sees it: through the first socket that lets it read, watch.sock for the user of the unit. */
import { lockoutsSince } from '../surface/cli/reading.ts'
import type { Report } from '../surface/cli/report-text.ts'
import { reachDaemon, tellNames } from '../surface/control/client.ts'
import { followEvents } from '../surface/control/follow-events.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Daemon } from './world.ts'

export function daemonBehind(socket: string): Daemon {
  const reached = async () => {
    const daemon = await reachDaemon(socket, 'report')
    if (daemon !== undefined) return daemon
    throw new Failure('no daemon answers', { exit: EXIT.notRunning })
  }
  return {
    async look() {
      const daemon = await reachDaemon(socket, 'health')
      if (daemon === undefined) return undefined
      const [status, lines] = [await daemon.status(), await daemon.health()]
      return { status, lines }
    },
    events: ({ after = 'now', signal }) => followEvents({ socket, after, signal }),
    async report(since) {
      const { since: from, until, ...told } = await (await reached()).report({ since })
      return {
        ...(told as Pick<Report, keyof typeof told>),
        since: Date.parse(from),
        until: Date.parse(until),
      }
    },
    async *lockouts(since) {
      yield* lockoutsSince(await reached(), since)
    },
    tellNames: request => tellNames(socket, request),
  }
}

/** The running daemon as this process sees it: through the first socket that lets it read, watch.sock for the user of the unit. */
import type { Report } from '../surface/cli/report-text.ts'
import { reachDaemon } from '../surface/control/client.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import type { Daemon, FeedLine } from './world.ts'

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
    // Live events, which have no id: what happens while nobody listens is not told.
    async *events({ signal }) {
      const daemon = await reachDaemon(socket, 'events')
      if (daemon !== undefined) yield* daemon.events(signal) as AsyncIterable<FeedLine>
    },
    async report(since) {
      const { since: from, until, ...told } = await (await reached()).report({ since })
      return {
        ...(told as Pick<Report, keyof typeof told>),
        since: Date.parse(from),
        until: Date.parse(until),
      }
    },
  }
}

/** Sockets that systemd has opened for us: sd_listen_fds(3). */
type Environment = Readonly<Record<string, string | undefined>>

const FIRST = 3
/** More than any unit of ours has. */
const MOST = 16

/** Their descriptors; none where they were meant for another process. */
export function passedSockets({ LISTEN_PID, LISTEN_FDS }: Environment, pid: number): readonly number[] {
  if (LISTEN_PID !== `${pid}` || !/^\d{1,2}$/.test(LISTEN_FDS ?? '')) return []
  return Array.from({ length: Math.min(Number(LISTEN_FDS), MOST) }, (_, i) => FIRST + i)
}

/**
 * Tells systemd how the daemon is, by the protocol of sd_notify(3): lines of `NAME=value` in one datagram, sent to
 * the socket that NOTIFY_SOCKET names. What cannot be sent is lost without a word, but for READY=1, without which
 * systemd takes the start for failed: that goes along with the next sign of life.
 */
import { isInherited } from './unit.ts'
import { unixDatagrams } from './unix-datagram.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Between two signs of life when no watchdog waits for them: they bring the status along. */
const UNHURRIED_MS = 15_000

/** Whoever has started this process; without NOTIFY_SOCKET, or with that of another service, nobody wants to know. */
export function openSupervisor(env: Environment, pid: number) {
  const isMeant = Boolean(env.NOTIFY_SOCKET) && !isInherited(env, pid)
  const socket = isMeant ? unixDatagrams(env.NOTIFY_SOCKET!) : undefined
  const tell = (...lines: readonly string[]) =>
    socket?.send(Buffer.from(lines.map(line => `${line}\n`).join('')))
  let isUntold = false
  return {
    interval: socket && (watchdogMs(env, pid) ?? 2 * UNHURRIED_MS) / 2,
    ready(status: string) {
      isUntold = tell('READY=1', `STATUS=${status}`) === false
    },
    alive(status: string) {
      if (tell(...(isUntold ? ['READY=1'] : []), 'WATCHDOG=1', `STATUS=${status}`)) isUntold = false
    },
    // Required from Type=notify-reload; earlier systemd ignores what it does not know.
    reloading() {
      tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
    },
    stopping() {
      isUntold = false
      tell('STOPPING=1')
    },
  }
}

/** sd_watchdog_enabled(3): meant for this process alone, when a pid is named. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | undefined {
  const microseconds = Number(WATCHDOG_USEC)
  if (!(microseconds > 0) || (WATCHDOG_PID && Number(WATCHDOG_PID) !== pid)) return undefined
  return microseconds / 1000
}

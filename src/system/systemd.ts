/**
 * Tells systemd how the daemon is, by the protocol of sd_notify(3): lines of `NAME=value` in one datagram, sent to
 * the socket that NOTIFY_SOCKET names. systemd acts on nothing but its own clock when the datagrams stay away, so
 * whatever cannot be sent is lost without a word.
 */
import koffi from 'koffi'

type Environment = Readonly<Record<string, string | undefined>>

/** Between two signs of life when no watchdog waits for them: they bring the status along. */
const UNHURRIED_MS = 15_000

/** Whoever has started this process; without NOTIFY_SOCKET nobody wants to know. */
export function openSupervisor(env: Environment, pid: number) {
  const address = env.NOTIFY_SOCKET ? addressOf(env.NOTIFY_SOCKET) : undefined
  const tell = address === undefined ? () => {} : sender(address)
  return {
    interval: address && (watchdogMs(env, pid) ?? 2 * UNHURRIED_MS) / 2,
    ready: (status: string) => tell('READY=1', `STATUS=${status}`),
    alive: (status: string) => tell('WATCHDOG=1', `STATUS=${status}`),
    // Required from Type=notify-reload; earlier systemd ignores what it does not know.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
  }
}

/** sd_watchdog_enabled(3): meant for this process alone, when a pid is named. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | undefined {
  const microseconds = Number(WATCHDOG_USEC)
  if (!(microseconds > 0) || (WATCHDOG_PID && Number(WATCHDOG_PID) !== pid)) return undefined
  return microseconds / 1000
}

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
/** sizeof(sun_path), unix(7). */
const PATH_BYTES = 108

/** struct sockaddr_un; a leading @ stands for the zero byte of the abstract namespace. Undefined for what is none. */
function addressOf(path: string): Uint8Array | undefined {
  const bytes = Buffer.from(path)
  if (!/^[/@]./.test(path) || bytes.length >= PATH_BYTES) return undefined
  if (bytes[0] === 0x40) bytes[0] = 0
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer)
  return Buffer.concat([family, bytes])
}

function sender(address: Uint8Array): (...lines: string[]) => void {
  const libc = koffi.load(null)
  const socket = libc.func('socket', 'int', ['int', 'int', 'int'])
  const sendto = libc.func('sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint'])
  const close = libc.func('close', 'int', ['int'])
  return (...lines) => {
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    if (fd < 0) return
    const datagram = Buffer.from(lines.map(line => `${line}\n`).join(''))
    sendto(fd, datagram, datagram.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length)
    close(fd)
  }
}

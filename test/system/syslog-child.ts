/**
 * Is the syslog daemon and its client in one: binds /dev/log, logs, and prints each datagram as a line of JSON.
 * To be run in a mount namespace with a /dev of its own. The socket is koffi's: Node has no unix datagrams.
 */
import koffi from 'koffi'
import { openLog } from '../../src/system/log.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40

const libc = koffi.load(null)
const socket = libc.func('int socket(int domain, int type, int protocol)')
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)')
const recv = libc.func('long recv(int fd, void *buffer, size_t length, int flags)')

const address = Buffer.alloc(110) // struct sockaddr_un, <sys/un.h>
address.writeUInt16LE(AF_UNIX)
address.write('/dev/log', 2)
const fd = socket(AF_UNIX, SOCK_DGRAM, 0)
if (bind(fd, address, address.length) !== 0) throw new Error('cannot bind /dev/log')

{
  using log = openLog({ env: {}, stdoutIsTerminal: false })
  // Garbage first: the name that openlog(3) points to must outlive it.
  for (let n = 0; n < 200; n += 1) Buffer.alloc(100_000, 'x')
  globalThis.gc?.()
  log.info('lockout 69.0.231.79, who tried TCP-port 20000')
  log.warn('100%s %n %d')
  log.error('two\nlines')
}

const buffer = Buffer.alloc(4096)
for (;;) {
  const length = Number(recv(fd, buffer, buffer.length, MSG_DONTWAIT))
  if (length < 0) break
  console.log(JSON.stringify({ pid: process.pid, datagram: buffer.toString('utf8', 0, length) }))
}

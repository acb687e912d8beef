/**
 * Is the syslog daemon and its client in one: binds /dev/log, logs, and prints what came as JSON; the argument says in which
 * scene. To be run in a mount namespace with a /dev of its own. The socket is koffi's: Node has no unix datagrams.
 */
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import koffi from 'koffi'
import { openLog } from '../../src/system/log.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40
const NO_TERMINAL = { env: {}, stdoutIsTerminal: false }

const libc = koffi.load(null)
const socket = libc.func('int socket(int domain, int type, int protocol)')
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)')
const recv = libc.func('long recv(int fd, void *buffer, size_t length, int flags)')
const close = libc.func('int close(int fd)')

/** A daemon that reads when it is told to. */
function listen() {
  const address = Buffer.alloc(110) // struct sockaddr_un, <sys/un.h>
  address.writeUInt16LE(AF_UNIX)
  address.write('/dev/log', 2)
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0)
  if (bind(fd, address, address.length) !== 0) throw new Error('cannot bind /dev/log')
  const buffer = Buffer.alloc(32_768)
  return {
    read() {
      const datagrams: string[] = []
      for (;;) {
        const length = Number(recv(fd, buffer, buffer.length, MSG_DONTWAIT))
        if (length < 0) return datagrams
        datagrams.push(buffer.toString('utf8', 0, length))
      }
    },
    end() {
      close(fd)
      rmSync('/dev/log')
    },
  }
}

const SCENES = {
  async lines() {
    const daemon = listen()
    using log = openLog(NO_TERMINAL, 'auto')
    log.info('lockout 69.0.231.79, who tried TCP-port 20000')
    log.warn('100%s %n %d')
    log.error('two\nlines')
    return { where: log.where, datagrams: daemon.read() }
  },
  async restart() {
    const first = listen()
    using log = openLog(NO_TERMINAL, 'syslog')
    log.info('one')
    const before = first.read()
    first.end()
    log.info('two')
    await sleep(100)
    const second = listen()
    log.info('three')
    await sleep(2500)
    return { datagrams: [...before, ...second.read()], lost: log.lost() }
  },
  async unread() {
    const daemon = listen()
    using log = openLog(NO_TERMINAL, 'auto')
    for (let n = 0; n < 3000; n++) log.info(`line ${n} ${'x'.repeat(400)}`)
    const lost = log.lost()
    const datagrams: string[] = []
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(1)) {
      datagrams.push(...daemon.read())
      if (datagrams.at(-1)?.includes('lost here')) break
    }
    log.info('and on')
    return { lost, datagrams: [...datagrams, ...daemon.read()] }
  },
  async nobody() {
    for (const to of ['auto', 'syslog'] as const) {
      using log = openLog(NO_TERMINAL, to)
      log.info(`${to}: ${log.where}`)
    }
    return { datagrams: [] }
  },
  async stream() {
    const server = createServer().listen('/dev/log')
    await sleep(100)
    for (const to of ['auto', 'syslog'] as const) {
      using log = openLog(NO_TERMINAL, to)
      log.info(`${to}: ${log.where}`)
    }
    server.close()
    return { datagrams: [] }
  },
}

console.log(JSON.stringify({ pid: process.pid, ...(await SCENES[process.argv[2] as keyof typeof SCENES]()) }))

/**
 * Is the syslog daemon and its client in one: binds /dev/log, logs, and prints what came as JSON; the argument says in which
 * scene. To be run in a mount namespace with a /dev of its own.
 */
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLog } from '../../src/system/log.ts'
import { datagramsAt } from '../support/unix-datagrams.ts'

const NO_TERMINAL = { env: {}, stdoutIsTerminal: false }

/** A daemon that reads when it is told to. */
function listen() {
  const daemon = datagramsAt('/dev/log')
  return { ...daemon, read: () => daemon.read().map(String) }
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

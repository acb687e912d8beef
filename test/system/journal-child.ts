/**
 * Is the journal, and starts the daemon's log with its standard error connected to it; prints what came by which socket, as JSON. The argument says in
 * which scene. To be run in a mount namespace with a /run of its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fstatSync, mkdirSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { openLog } from '../../src/system/log.ts'
import { datagramsAt } from '../support/unix-datagrams.ts'

const PLACE = '/run/systemd/journal'
const [scene = '', isLogging] = process.argv.slice(2)

/** One line of each kind, as the daemon says them. */
function say(): void {
  const { dev, ino } = fstatSync(2, { bigint: true })
  using log = openLog({ env: { JOURNAL_STREAM: `${dev}:${ino}` }, stdoutIsTerminal: false }, 'journal')
  const source = '2001:db8:1:2::/64'
  const tried = { kind: 'tcp', port: 81, flags: 2 }
  log.info('trap armed', { event: 'armed', flies: 0 })
  log.info(`lockout ${source}`, {
    event: 'lockout',
    source,
    packetSource: '2001:db8:1:2::9',
    tried,
    because: 'closed-port',
  })
  log.info('free 203.0.113.7: two\nlines', { event: 'free', source: '203.0.113.7', by: 'anna' })
  log.info(`lockout ${'x'.repeat(300_000)}`, { event: 'lockout', source: '203.0.113.8', because: 'by-hand' })
  log.warn('a warning')
  if (scene === 'unread')
    for (let n = 0; n < 2000; n++)
      log.info(`line ${n} ${'x'.repeat(200)}`, { event: 'lockout', source: '203.0.113.9' })
}

/** The end of what comes by the stream tells that the other one has ended. */
async function journal(): Promise<object> {
  mkdirSync(PLACE, { recursive: true })
  const datagrams = scene === 'nobody' ? undefined : datagramsAt(`${PLACE}/socket`)
  const server = createServer().listen(`${PLACE}/${scene === 'elsewhere' ? 'other' : 'stdout'}`)
  await once(server, 'listening')
  const stderr = connect(String(server.address()))
  const [[stream]] = (await Promise.all([once(server, 'connection'), once(stderr, 'connect')])) as [
    [Socket],
    unknown,
  ]
  const child = spawn(process.execPath, [import.meta.filename, scene, 'log'], {
    stdio: ['ignore', 'inherit', stderr],
  })
  stderr.destroy()
  let text = ''
  stream.on('data', chunk => {
    text += chunk
  })
  const [[status]] = await Promise.all([once(child, 'exit'), once(stream, 'close')])
  server.close()
  return { status, stream: text, datagrams: datagrams?.read().map(bytes => bytes.toString('latin1')) ?? [] }
}

if (isLogging) say()
else console.log(JSON.stringify(await journal()))

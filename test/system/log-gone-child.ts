/**
 * Logs to a terminal or, where there is none, to a journal (its stderr), and goes on logging when that is gone.
 * Then writes into the file of its first argument which error a bare write gets there.
 */
import { fstatSync, writeFileSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { openLog } from '../../src/system/log.ts'

process.on('SIGHUP', () => {})
const { dev, ino } = fstatSync(2, { bigint: true })
const terminal = isatty(1)
const log = openLog(
  { env: terminal ? {} : { JOURNAL_STREAM: `${dev}:${ino}` }, stdoutIsTerminal: terminal },
  'auto',
)
log.info('ready')

const poll = setInterval(() => {
  try {
    writeSync(terminal ? 1 : 2, '.')
  } catch (error) {
    log.info('nobody reads this')
    log.error('nor this')
    clearInterval(poll)
    writeFileSync(process.argv[2]!, (error as NodeJS.ErrnoException).code ?? 'no code')
  }
}, 10)

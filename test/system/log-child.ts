/** Opens the log as the daemon does, says what it is told to, and then that it is still alive (by exit status 7). */
import { isatty } from 'node:tty'
import type { LogTo } from '../../src/settings/settings.ts'
import { openLog } from '../../src/system/log.ts'

using log = openLog(
  { env: process.env, stdoutIsTerminal: isatty(1) },
  (process.env.LOG_TO ?? 'auto') as LogTo,
)
for (const line of process.argv.slice(2)) log.info(line)
log.warn('a warning')
log.error('an error')
process.exitCode = 7

/** Opens sockets and passes them on, as systemd does: `passing-child.ts PATH|PORT… -- COMMAND…`. It takes no connection itself. */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'

const end = process.argv.indexOf('--')
const fds: number[] = []
for (const where of process.argv.slice(2, end)) {
  const server = createServer()
  const isPort = /^\d+$/.test(where)
  await new Promise<void>(resolve =>
    isPort ? server.listen(Number(where), '0.0.0.0', resolve) : server.listen(where, resolve),
  )
  fds.push((server as never as { _handle: { fd: number } })._handle.fd)
}
// Until it ends nothing happens here: whoever connects is the command's.
const { status } = spawnSync('sh', ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...process.argv.slice(end + 1)], {
  stdio: ['ignore', 'inherit', 'inherit', ...fds],
  env: { ...process.env, LISTEN_FDS: `${fds.length}` },
})
process.exit(status ?? 1)

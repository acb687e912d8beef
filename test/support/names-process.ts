/** Looks names up as the process outside the daemon does: `node names-process.ts SOCKET LEAST_SECONDS NAME…`, until its input ends. */
import { openNames } from '../../src/outside/names.ts'
import { tellNames } from '../../src/surface/control/client.ts'
import { resolveHosts } from '../../src/system/dns.ts'

const [socket = '', least, ...names] = process.argv.slice(2)
const say = (line: string) => void process.stderr.write(`${line}\n`)
const opened = openNames({
  names,
  resolve: resolveHosts,
  tell: request => tellNames(socket, request),
  log: { info: say, warn: say },
  clock: () => performance.now() / 1000,
  leastSeconds: Number(least),
  tellSeconds: 1,
})
process.stdin.resume().on('end', () => opened[Symbol.dispose]())

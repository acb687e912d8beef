/** Programs that listen, for a host of a world. */
import { PATIENCE, type Running } from './process.ts'
import { IN_CLONE } from './programs.ts'
import type { Host } from './world.ts'

/** Seconds for which nc waits for the greeting of such a service, as it takes them. */
export const GREETING_S = String(5 * PATIENCE)

/** Starts the product's fake services on the host: `serve(gate, 'tcp:22', 'udp:53')`; resolves when all ports are open. */
export async function serve(host: Host, ...ports: readonly `${'tcp' | 'udp'}:${number}`[]): Promise<Running> {
  const server = await host.start([process.execPath, IN_CLONE, 'listen', ...ports])
  await server.says(/^ready$/)
  return server
}

/** Prints what comes by its connections, and sends what is typed by all of them, asked or not. */
const SPEAKER = `require('node:net').createServer(socket => {
  socket.on('error', () => {}).on('data', data => process.stdout.write(data))
  process.stdin.pipe(socket)
}).listen(Number(process.argv[1]), () => console.log('ready'))`

/** Starts a TCP server that speaks when the test writes to it; resolves when it listens. */
export async function speaker(host: Host, port: number): Promise<Running> {
  const server = await host.start([process.execPath, '-e', SPEAKER, String(port)])
  await server.says(/^ready$/)
  return server
}

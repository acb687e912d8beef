/**
 * A program that listens, for a host of a world: `node server.ts tcp:22 tcp:80 udp:53`.
 *
 * Both families. TCP greets with `port N` and echoes what it is sent; UDP echoes. Says `ready` when all listen.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Running } from './process.ts'
import type { Host } from './world.ts'

/** Starts the program on the host: `serve(gate, 'tcp:22', 'udp:53')`; resolves when all ports are open. */
export async function serve(host: Host, ...ports: readonly `${'tcp' | 'udp'}:${number}`[]): Promise<Running> {
  const server = await host.start([process.execPath, import.meta.filename, ...ports])
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

async function listen(spec: string): Promise<void> {
  const [, protocol, digits] = spec.match(/^(tcp|udp):(\d{1,5})$/) ?? []
  if (protocol === undefined) throw new Error(`${spec}: neither tcp:PORT nor udp:PORT`)
  const port = Number(digits)
  if (protocol === 'tcp') {
    const server = createServer(socket => {
      socket.on('error', () => {}) // A scanner's reset.
      socket.write(`port ${port}\r\n`)
      socket.pipe(socket)
    })
    server.listen(port) // Node takes `::` with IPv4 in it, and 0.0.0.0 where the kernel has no IPv6.
    await once(server, 'listening')
    return
  }
  const socket = createSocket('udp6')
  socket.on('message', (message, from) => socket.send(message, from.port, from.address))
  socket.bind(port)
  await once(socket, 'listening')
}

if (import.meta.main) {
  await Promise.all(process.argv.slice(2).map(listen))
  console.log('ready')
}

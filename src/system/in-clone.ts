/**
 * The program that runs inside the namespaces of a proof, and has no business with the daemon:
 *
 *     in-clone listen tcp:22 udp:53   services; says `ready` when all listen
 *     in-clone send                   a Plan of prove/sending.ts by standard input, its Outcome by standard output, both JSON
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { carryOut } from '../prove/sending.ts'
import { rawSockets } from './raw-sockets.ts'

const JOBS: Readonly<Record<string, (args: readonly string[]) => Promise<string>>> = {
  async listen(ports) {
    await Promise.all(ports.map(listen))
    return 'ready'
  },
  send: async () => JSON.stringify(await carryOut(JSON.parse(await text(process.stdin)), rawSockets)),
}

/** Both families. TCP greets with `port N` and echoes what it is sent; UDP echoes. */
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

const [job = '', ...args] = process.argv.slice(2)
console.log(await JOBS[job]!(args))

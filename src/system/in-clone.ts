/**
 * The program that runs inside the namespaces of a proof, and has no business with the daemon:
 *
 *     in-clone listen tcp:22 udp:53   services; says `ready` when all listen
 *     in-clone load                   a ruleset by standard input, for this namespace's nftables
 *     in-clone send                   a Plan of prove/sending.ts by standard input, its Outcome by standard output, both JSON
 *     in-clone visit                  the same with Visits of prove/visits.ts and what became of each
 *     in-clone play                   the same with a Play of prove/two-sides.ts; descriptor 3 is the network outside
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { NftablesError, openNftables } from 'nftables-json'
import { carryOut } from '../prove/sending.ts'
import type { Became, Visit, Visits } from '../prove/visits.ts'
import { rawSockets } from './raw-sockets.ts'
import { play } from './two-sides.ts'

const JOBS: Readonly<Record<string, (args: readonly string[]) => Promise<string>>> = {
  async listen(ports) {
    await Promise.all(ports.map(listen))
    return 'ready'
  },
  async load() {
    using nft = openNftables()
    try {
      nft.load(await text(process.stdin))
    } catch (error) {
      if (!(error instanceof NftablesError)) throw error
      console.error(error.text)
      process.exit(1)
    }
    return 'loaded'
  },
  play: async () => JSON.stringify(play(JSON.parse(await text(process.stdin)))),
  send: async () => JSON.stringify(await carryOut(JSON.parse(await text(process.stdin)), rawSockets)),
  async visit() {
    const visits: Visits = JSON.parse(await text(process.stdin))
    const became: Became[] = []
    for (const group of visits.groups)
      became.push(...(await Promise.all(group.map(visit => goThere(visit, visits.wait)))))
    return JSON.stringify(became)
  },
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

/** As a client that waits for a word of the service. */
function goThere(visit: Visit, wait: number): Promise<Became> {
  return new Promise(resolve => {
    const leave = visit.protocol === 'tcp' ? call(visit, end) : ask(visit, end)
    const late = setTimeout(end, wait, 'silent')
    function end(became: Became) {
      clearTimeout(late)
      leave()
      resolve(became)
    }
  })
}

function call({ source, destination, port }: Visit, end: (became: Became) => void): () => void {
  const socket = connect({ host: destination, port, localAddress: source })
  socket.on('data', () => end('served'))
  socket.on('error', () => end('refused'))
  return () => socket.destroy()
}

function ask({ source, destination, port }: Visit, end: (became: Became) => void): () => void {
  const socket = createSocket(source.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', () => end('served'))
  socket.on('error', () => end('refused'))
  socket.bind({ address: source }, () => {
    socket.connect(port, destination, () => socket.send('hello'))
  })
  return () =>
    socket
      .removeAllListeners('message')
      .on('message', () => {})
      .close()
}

const [job = '', ...args] = process.argv.slice(2)
console.log(await JOBS[job]!(args))

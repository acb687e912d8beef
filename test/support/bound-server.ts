/**
 * Listens at a TCP port by one interface alone (SO_BINDTODEVICE, socket(7)): `node bound-server.ts to-outside 80`. Both families; connections
 * are made, and nobody accepts them. Says `ready` when it listens.
 */
import koffi from 'koffi'
import type { Running } from './process.ts'
import type { Host } from './world.ts'

const AF_INET6 = 10
const SOCK_STREAM = 1
const SOL_SOCKET = 1
const SO_BINDTODEVICE = 25
/** struct sockaddr_in6: family, port, flow, address, scope. */
const SOCKADDR_IN6 = 28

/** Resolves when it listens. */
export async function serveBy(host: Host, device: string, port: number): Promise<Running> {
  const server = await host.start([process.execPath, import.meta.filename, device, String(port)])
  await server.says(/^ready$/)
  return server
}

if (import.meta.main) {
  const [device, port] = process.argv.slice(2)
  const libc = koffi.load('libc.so.6')
  const call = (declaration: string, ...args: unknown[]): number => {
    const result = libc.func(declaration)(...args) as number
    if (result < 0) throw new Error(`${declaration}: errno ${koffi.errno()}`)
    return result
  }
  const address = new DataView(new ArrayBuffer(SOCKADDR_IN6))
  address.setUint16(0, AF_INET6, true)
  address.setUint16(2, Number(port))
  const name = Buffer.from(`${device}\0`)
  const fd = call('int socket(int, int, int)', AF_INET6, SOCK_STREAM, 0)
  call(
    'int setsockopt(int, int, int, uint8_t *, uint32_t)',
    fd,
    SOL_SOCKET,
    SO_BINDTODEVICE,
    name,
    name.length,
  )
  call('int bind(int, uint8_t *, uint32_t)', fd, new Uint8Array(address.buffer), SOCKADDR_IN6)
  call('int listen(int, int)', fd, 16)
  console.log('ready')
  setInterval(() => {}, 1 << 30)
}

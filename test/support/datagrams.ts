/**
 * A program that sends UDP datagrams of any size, one from each of many sources, through the kernel's own sockets, which
 * cut them into fragments. Arguments: destination, port, bytes, the first source and how many.
 */
import { createSocket } from 'node:dgram'
import type { Host } from './world.ts'

/** Not one that the kernel chooses: its range has 51820, and what comes from there may be a late answer. */
const SOURCE_PORT = 40_000

/** Sources count up from `first`, and become addresses of the host. Resolves when all have left. */
export async function sendDatagrams(
  host: Host,
  {
    to,
    port,
    bytes,
    first,
    count,
  }: { to: string; port: number; bytes: number; first: string; count: number },
): Promise<void> {
  await host.must(['ip', 'route', 'add', 'local', `${first}/16`, 'dev', 'lo'])
  const args = [to, port, bytes, first, count].map(String)
  await host.must([process.execPath, import.meta.filename, ...args], { timeout: 60_000 })
}

async function sendOne(source: string, to: string, port: number, data: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = createSocket('udp4').on('error', reject)
  socket.bind(SOURCE_PORT, source, () =>
    socket.send(data, port, to, error => (error ? reject(error) : resolve())),
  )
  await promise
  await new Promise<void>(closed => socket.close(closed))
}

if (import.meta.main) {
  const [to, port, bytes, first, count] = process.argv.slice(2)
  const data = new Uint8Array(Number(bytes))
  const start = first!.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  for (let i = start; i < start + Number(count); i++) {
    const source = [24, 16, 8, 0].map(shift => (i >>> shift) & 0xff).join('.')
    await sendOne(source, to!, Number(port), data)
  }
}

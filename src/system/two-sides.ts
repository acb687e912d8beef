/**
 * Raw sockets on both sides of the clone's cable in one process, so that nothing overtakes: what the protected host sent leaves by one
 * in this network, the gate's; what came to it by one outside, which descriptor 3 leads to.
 *
 * Numbers: socket(7), ip(7), setns(2). setns(2) moves this thread alone, and a socket stays where it was opened.
 */
import koffi from 'koffi'
import type { Play, Played } from '../replay/two-sides.ts'

const [AF_INET, AF_INET6, SOCK_RAW, IPPROTO_RAW] = [2, 10, 3, 255]
const SOCK_CLOEXEC = 0o2000000
const [SOL_SOCKET, SO_BROADCAST, SO_MARK] = [1, 6, 36]
const CLONE_NEWNET = 0x40000000
const OUTSIDE = 3
/** Packets of one side that leave at once. */
const AT_ONCE = 8
/** Then, and when the other side has its turn, what was sent arrives: both ends of the cable are this kernel's. */
const TURN_MS = 1

const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)')
const setsockopt = libc.func('int setsockopt(int, int, int, void *, uint32_t)')
const sendto = libc.func('long sendto(int, void *, size_t, int, void *, uint32_t)')
const setns = libc.func('int setns(int, int)')

type Side = { readonly 4: number; readonly 6: number }

export function play({ mark, withGaps, items }: Play): Played {
  const gate = openSide(mark)
  if (setns(OUTSIDE, CLONE_NEWNET) !== 0) throw errno('setns')
  const outside = openSide(mark)
  const refused: Record<string, number> = {}
  const began = performance.now()
  let row = 0
  for (const [i, { isOut, at, bytes }] of items.entries()) {
    row = i > 0 && items[i - 1]!.isOut === isOut ? row + 1 : 0
    const ahead = withGaps ? began + at - performance.now() : 0
    if (i > 0 && (ahead > TURN_MS || row % AT_ONCE === 0)) pass(Math.max(ahead, TURN_MS))
    const failed = send(isOut ? gate : outside, Buffer.from(bytes, 'base64'))
    if (failed === undefined) continue
    const key = `${isOut ? 'out' : 'in'} ${failed}`
    refused[key] = (refused[key] ?? 0) + 1
  }
  return { refused }
}

function openSide(mark: number): Side {
  const side = { 4: open(AF_INET), 6: open(AF_INET6) }
  const number = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return bytes
  }
  for (const fd of [side[4], side[6]])
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, number(mark), 4) !== 0) throw errno('SO_MARK')
  setsockopt(side[4], SOL_SOCKET, SO_BROADCAST, number(1), 4)
  return side
}

/** Returns the errno of what did not leave. */
function send(side: Side, packet: Buffer): number | undefined {
  const six = packet[0]! >> 4 === 6
  const to = six
    ? Buffer.concat([Buffer.from([AF_INET6, 0, 0, 0, 0, 0, 0, 0]), packet.subarray(24, 40), Buffer.alloc(4)])
    : Buffer.concat([Buffer.from([AF_INET, 0, 0, 0]), packet.subarray(16, 20), Buffer.alloc(8)])
  const sent = Number(sendto(six ? side[6] : side[4], packet, packet.length, 0, to, to.length))
  return sent === packet.length ? undefined : koffi.errno()
}

/** To sleep, and leave the processors to others. */
function pass(milliseconds: number): void {
  Atomics.wait(STILL, 0, 0, milliseconds)
}
const STILL = new Int32Array(new SharedArrayBuffer(4))

function open(family: number): number {
  const fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)
  if (fd < 0) throw errno(`socket of family ${family}`)
  return fd
}

function errno(what: string): Error {
  return new Error(`${what}: errno ${koffi.errno()}`)
}

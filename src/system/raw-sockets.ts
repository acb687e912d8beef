/**
 * Raw sockets by FFI: a wire that packets with any source leave by, and a tap that sees all that passes.
 *
 * Struct layouts and numbers: socket(7), raw(7), packet(7), sendmmsg(2), linux/if_packet.h.
 */
import koffi from 'koffi'
import type { RawSockets, Wire } from '../prove/sending.ts'

interface Burst {
  readonly length: number
  readonly six: boolean
  readonly headers: bigint
}

const AF_INET = 2
const AF_INET6 = 10
const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const IPPROTO_RAW = 255
const SOL_SOCKET = 1
const SO_BROADCAST = 6
const SO_RCVBUFFORCE = 33
const MSG_DONTWAIT = 0x40
const ETH_P_ALL = 0x0003
const EAGAIN = 11
const PACKET_OUTGOING = 4

export const rawSockets: RawSockets<Burst> = { openWire, openTap }

const iovec = koffi.struct({ base: 'void *', length: 'size_t' })
const msghdr = koffi.struct({
  name: 'void *',
  nameLength: 'uint32_t',
  iov: 'void *',
  iovLength: 'size_t',
  control: 'void *',
  controlLength: 'size_t',
  flags: 'int',
})
const mmsghdr = koffi.struct({ header: msghdr, sent: 'uint32_t' })

const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)')
const setsockopt = libc.func('int setsockopt(int, int, int, void *, uint32_t)')
const sendmmsg = libc.func('int sendmmsg(int, void *, uint32_t, int)')
const recvfrom = libc.func('long recvfrom(int, _Out_ void *, size_t, int, _Out_ void *, _Inout_ uint32_t *)')

/** Raw IP sockets of both families that take whole packets, header included. The kernel finds the way. */
function openWire(): Wire<Burst> {
  const fds = { 4: open(AF_INET, SOCK_RAW, IPPROTO_RAW), 6: open(AF_INET6, SOCK_RAW, IPPROTO_RAW) }
  setsockopt(fds[4], SOL_SOCKET, SO_BROADCAST, Buffer.from([1, 0, 0, 0]), 4)
  return {
    prepare,
    send(burst, first, count) {
      const from = burst.headers + BigInt(first * koffi.sizeof(mmsghdr))
      const sent = sendmmsg(burst.six ? fds[6] : fds[4], from, count, 0)
      if (sent !== count) throw errno(`sendmmsg sent ${sent} of ${count} packets`)
    },
  }
}

/** What the interfaces of this namespace sent and received since the tap was opened, IP header first. */
function openTap(): () => Generator<{ bytes: Buffer; outgoing: boolean }> {
  const fd = open(AF_PACKET, SOCK_DGRAM, ((ETH_P_ALL & 0xff) << 8) | (ETH_P_ALL >> 8))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(64 * 1024 * 1024)
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length)
  const bytes = Buffer.alloc(2048)
  const from = Buffer.alloc(20) // struct sockaddr_ll, sll_pkttype is its byte 10.
  return function* drain() {
    for (;;) {
      const length = Number(recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT, from, [from.length]))
      if (length < 0 && koffi.errno() === EAGAIN) return
      if (length < 0) throw errno('recvfrom')
      yield { bytes: bytes.subarray(0, length), outgoing: from[10] === PACKET_OUTGOING }
    }
  }
}

/** The memory stays until the process ends: the sender is a program that runs one plan. */
function prepare(packets: readonly Buffer[]): Burst {
  const six = packets[0]![0]! >> 4 === 6
  const headers = koffi.alloc(mmsghdr, packets.length)
  for (const [i, packet] of packets.entries()) {
    if ((packet[0]! >> 4 === 6) !== six) throw new Error('a burst is of one family')
    const destination = six ? packet.subarray(24, 40) : packet.subarray(16, 20)
    const name = native(six ? sockaddrIn6(destination) : sockaddrIn(destination))
    const iov = koffi.alloc(iovec, 1)
    koffi.encode(iov, iovec, { base: native(packet), length: packet.length })
    const header = {
      name,
      nameLength: six ? 28 : 16,
      iov,
      iovLength: 1,
      control: null,
      controlLength: 0,
      flags: 0,
    }
    koffi.encode(headers, i * koffi.sizeof(mmsghdr), mmsghdr, { header, sent: 0 })
  }
  return { length: packets.length, six, headers }
}

function sockaddrIn(address: Buffer): Buffer {
  return Buffer.concat([Buffer.from([AF_INET, 0, 0, 0]), address, Buffer.alloc(8)])
}

function sockaddrIn6(address: Buffer): Buffer {
  return Buffer.concat([Buffer.from([AF_INET6, 0, 0, 0, 0, 0, 0, 0]), address, Buffer.alloc(4)])
}

function native(bytes: Buffer): bigint {
  const memory = koffi.alloc('uint8_t', bytes.length)
  new Uint8Array(koffi.view(memory, bytes.length)).set(bytes)
  return memory
}

function open(family: number, type: number, protocol: number): number {
  const fd = socket(family, type | SOCK_CLOEXEC, protocol)
  if (fd < 0) throw errno(`socket of family ${family}`)
  return fd
}

function errno(what: string): Error {
  return new Error(`${what}: errno ${koffi.errno()}`)
}

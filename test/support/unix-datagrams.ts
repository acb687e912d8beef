/** A unix socket that takes datagrams, read when it is told to. It is koffi's: Node has none. */
import { rmSync } from 'node:fs'
import koffi from 'koffi'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40

export function datagramsAt(path: string): { read(): Buffer[]; end(): void } {
  const libc = koffi.load(null)
  const socket = libc.func('int socket(int domain, int type, int protocol)')
  const bind = libc.func('int bind(int fd, const void *address, uint32_t length)')
  const recv = libc.func('long recv(int fd, void *buffer, size_t length, int flags)')
  const close = libc.func('int close(int fd)')
  const address = Buffer.alloc(110) // struct sockaddr_un, <sys/un.h>
  address.writeUInt16LE(AF_UNIX)
  address.write(path, 2)
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0)
  if (bind(fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`)
  const buffer = Buffer.alloc(32_768)
  return {
    read() {
      const datagrams: Buffer[] = []
      for (;;) {
        const length = Number(recv(fd, buffer, buffer.length, MSG_DONTWAIT))
        if (length < 0) return datagrams
        datagrams.push(Buffer.from(buffer.subarray(0, length)))
      }
    },
    end() {
      close(fd)
      rmSync(path)
    },
  }
}

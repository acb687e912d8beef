/**
 * Makes a service of IPVS, as ipvsadm does: `node ipvs.ts tcp 192.0.2.1 8080 10.0.0.5 80`, or `node ipvs.ts mark 7 - 10.0.0.5 80`. One server behind it, masqueraded.
 * Port 0 is any port.
 *
 * struct ip_vs_service_user, struct ip_vs_dest_user and the numbers: linux/ip_vs.h.
 */
import koffi from 'koffi'
import type { Host } from './world.ts'

const AF_INET = 2
const SOCK_RAW = 3
const IPPROTO_RAW = 255
const SOL_IP = 0
const TCP = 6
/** IP_VS_SO_SET_ADD and IP_VS_SO_SET_ADDDEST. */
const ADD = 1154
const ADD_SERVER = 1159
const SERVICE = 44
const SERVER = 24
/** IP_VS_SVC_F_PERSISTENT, which any port needs, and for how many seconds. */
const PERSISTENT = 1
const PERSISTENT_SECONDS = 300

/** Of TCP, at an address and a port; or of what carries a mark. */
export async function balance(
  host: Host,
  what: { readonly at: string; readonly port: number } | { readonly mark: number },
  to: { readonly at: string; readonly port: number },
): Promise<void> {
  const service = 'mark' in what ? ['mark', what.mark, '-'] : ['tcp', what.at, what.port]
  await host.must([process.execPath, import.meta.filename, ...[...service, to.at, to.port].map(String)])
}

if (import.meta.main) {
  const [kind, first, second, server, serverPort] = process.argv.slice(2) as [
    string,
    string,
    string,
    string,
    string,
  ]
  const libc = koffi.load('libc.so.6')
  const call = (declaration: string, ...args: unknown[]): number => {
    const result = libc.func(declaration)(...args) as number
    if (result < 0) throw new Error(`${declaration}: errno ${koffi.errno()}`)
    return result
  }
  const bytes = Buffer.alloc(SERVICE + SERVER)
  bytes.writeUInt16LE(TCP, 0)
  if (kind === 'mark') bytes.writeUInt32LE(Number(first), 12)
  else {
    bytes.set(first.split('.').map(Number), 4)
    bytes.writeUInt16BE(Number(second), 8)
  }
  bytes.write('rr\0', 16, 'latin1')
  if (kind === 'mark' || second === '0') bytes.writeUInt32LE(PERSISTENT, 32)
  bytes.writeUInt32LE(PERSISTENT_SECONDS, 36)
  bytes.fill(0xff, 40, 44)
  bytes.set(server.split('.').map(Number), SERVICE)
  bytes.writeUInt16BE(Number(serverPort), SERVICE + 4)
  bytes.writeInt32LE(1, SERVICE + 12)
  const fd = call('int socket(int, int, int)', AF_INET, SOCK_RAW, IPPROTO_RAW)
  const set = 'int setsockopt(int, int, int, uint8_t *, uint32_t)'
  call(set, fd, SOL_IP, ADD, bytes.subarray(0, SERVICE), SERVICE)
  call(set, fd, SOL_IP, ADD_SERVER, bytes, SERVICE + SERVER)
}

/** Sockets in the file system, and who is at their other end. */
import { lstatSync, rmSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import koffi from 'koffi'
import { EXIT, Failure } from '../terms/failure.ts'
import { asOwnerOf, makeDirectory } from './as-owner.ts'
import { refuseShared } from './directory-owner.ts'
import { letIn } from './posix-acl.ts'
import { groupIdOf, userNameOf } from './users.ts'

/** Whether the path still leads to the socket that was made, or to that of another daemon. */
interface Made {
  /** Why its group may not open it. */
  readonly isWithout?: string
  isFound(): Promise<boolean>
}

interface Access {
  readonly mask: number
  readonly group?: string | undefined
}

/**
 * Listens on the socket, which is made in place of a stale one and belongs to the owner of its directory; its group has it by an access
 * list. bind(2) follows no link. Rejects with the error of the system, or with a Failure (69) for a directory that is not safe.
 */
export async function listenAt(server: Server, path: string, { mask, group }: Access): Promise<Made> {
  const directory = dirname(path)
  makeDirectory(directory, 0o755)
  refuseShared(directory)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    asOwnerOf(directory, () => {
      rmSync(path, { force: true })
      // Nobody gets in between making the socket and restricting it: listen() makes it before it returns.
      const before = process.umask(mask)
      server.listen(path, resolve)
      process.umask(before)
    })
  })
  const own = numberOf(path)
  const isWithout = group === undefined ? undefined : withoutGroup(directory, path, group)
  return {
    ...(isWithout !== undefined && { isWithout }),
    async isFound() {
      const found = numberOf(path)
      return found !== undefined && (found === own || (await isAnswered(path)))
    },
  }
}

/**
 * Lets the members of the group open the socket. The owner may do that for any group, while giving the socket to one (chown(2)) takes
 * membership or a capability, neither of which the daemon has. Returns why it could not be done.
 */
function withoutGroup(directory: string, path: string, group: string): string | undefined {
  const gid = groupIdOf(group)
  if (gid === undefined) return `there is no group ${group}`
  return asOwnerOf(directory, () => letIn(path, gid)) ? undefined : 'the file system has no access lists'
}

/** Which file it is: another one in its place has another number. Undefined where there is none. */
function numberOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/** Whether somebody listens there. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    const tell = (isSo: boolean) => {
      socket.destroy()
      resolve(isSo)
    }
    socket.once('connect', () => tell(true)).once('error', () => tell(false))
  })
}

/** unix(7): who the peer was when he connected, as the kernel knows. Throws a Failure (69) when he is gone. */
export function peerOf(socket: Socket): string {
  const uid = uidOf((socket as { _handle?: { fd?: number } })._handle?.fd ?? -1)
  if (uid !== undefined) return userNameOf(uid)
  throw new Failure('who asks cannot be told: the connection is closed', { exit: EXIT.unavailable })
}

const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** `struct ucred`: pid, uid, gid, 32 bits each. */
const UCRED = 12

type Getsockopt = (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: Uint32Array,
) => number
let getsockopt: Getsockopt | undefined

function uidOf(fd: number): number | undefined {
  getsockopt ??= koffi
    .load(null)
    .func(
      'int getsockopt(int fd, int level, int option, void *value, _Inout_ uint32_t *length)',
    ) as Getsockopt
  const credentials = new Uint32Array(UCRED / 4)
  const isTold = getsockopt(
    fd,
    SOL_SOCKET,
    SO_PEERCRED,
    new Uint8Array(credentials.buffer),
    Uint32Array.of(UCRED),
  )
  return isTold === 0 ? credentials[1] : undefined
}

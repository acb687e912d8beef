/** What root does in the directory of somebody with fewer rights. */
import { mkdirSync } from 'node:fs'
import koffi from 'koffi'
import { EXIT, Failure } from '../terms/failure.ts'
import { type Owner, ownerOf } from './directory-owner.ts'
import { userNameOf } from './users.ts'

/**
 * Does the work, which must be synchronous, with the owner's rights to files where we are root and he is not: what is made belongs
 * to him, and a link that he laid leads to nothing that he could not open himself. Throws a Failure (69), and does nothing,
 * where somebody else could put another directory in its place, or where root may not take his place.
 *
 * setfsuid(2) is made for this: it changes the calling thread alone, and only what concerns files. With seteuid(2) all
 * threads would lose CAP_NET_ADMIN meanwhile, also one that is loading a ruleset.
 */
export function asOwnerOf<T>(directory: string, work: () => T): T {
  if (process.geteuid?.() !== 0) return work()
  const owner = ownerOf(directory)
  if (owner.uid === 0) return work()
  using _ = become(owner, directory)
  return work()
}

/** The directory and those above it, each as the owner of where it is made. */
export function makeDirectory(directory: string, mode: number): void {
  asOwnerOf(directory, () => mkdirSync(directory, { recursive: true, mode }))
}

/** What asm/unistd.h calls __NR_setgroups. */
const SETGROUPS: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 116, arm64: 159 }
/** No user has this number: setfsuid(2) then only tells who we are. */
const TELL = 0xffffffff

function become({ uid, gid }: Owner, directory: string): Disposable {
  const { setfsuid, setfsgid, setGroups } = libc()
  const groups = process.getgroups!()
  const group = process.getegid!()
  const back = () => {
    setfsuid(0)
    setfsgid(group)
    setGroups(groups)
  }
  // The groups of root first, and his name last: with that goes the right to change the others.
  const isWithoutGroups = groups.length === 0 || setGroups([])
  setfsgid(gid)
  setfsuid(uid)
  if (isWithoutGroups && setfsgid(TELL) === gid && setfsuid(TELL) === uid) return { [Symbol.dispose]: back }
  back()
  throw new Failure(`${directory} belongs to ${userNameOf(uid)}, and root may not act as that user here`, {
    exit: EXIT.unavailable,
    hint: 'Run flypaperd as that user, or grant CAP_SETUID and CAP_SETGID.',
  })
}

let loaded: ReturnType<typeof load> | undefined

function libc() {
  loaded ??= load()
  return loaded
}

function load() {
  const library = koffi.load(null)
  const syscall = library.func('long syscall(long number, ...)')
  const call = SETGROUPS[process.arch]
  return {
    setfsuid: library.func('int setfsuid(uint uid)') as (uid: number) => number,
    setfsgid: library.func('int setfsgid(uint gid)') as (gid: number) => number,
    /** The C library's would change all threads. */
    setGroups(groups: readonly number[]): boolean {
      if (call === undefined) return false
      const list = Uint32Array.from(groups)
      return syscall(call, 'size_t', groups.length, 'void *', list) === 0
    },
  }
}

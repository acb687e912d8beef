/** Who has a say in what a path leads to. */
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { EXIT, Failure } from '../terms/failure.ts'
import { userNameOf } from './users.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

const ROOT = 0
/** proc_sys_kernel(5), overflowuid: how a user namespace shows those who have no number in it. */
const OVERFLOW = 65534
const STICKY = 0o1000
const OTHERS_WRITE = 0o002
const GROUP_WRITES = 0o020

/**
 * The owner of the directory, or of the nearest one above it where it is missing. Throws a Failure (69) when somebody else
 * than he and root could put another directory in its place: what is written there would go wherever he likes.
 */
export function ownerOf(directory: string): Owner {
  const path = nearest(resolve(directory))
  const real = realpathSync(path)
  const { uid, gid } = statSync(real)
  for (const step of new Set([...stepsTo(path), ...stepsTo(real)])) {
    const found = lstatSync(step)
    if (step !== real && isForAll(found)) throw exchangeable(path, uid, `everybody may write to ${step}`)
    if (found.uid !== uid && !isRoot(found.uid))
      throw exchangeable(path, uid, `${step} to ${userNameOf(found.uid)}`)
  }
  return { uid: isRoot(uid) ? ROOT : uid, gid }
}

/** Throws a Failure (69) when others than its owner may lay files and links in the directory. */
export function refuseShared(directory: string): void {
  const found = statSync(directory)
  const shared = isRoot(found.uid) ? OTHERS_WRITE | GROUP_WRITES : OTHERS_WRITE
  if ((found.mode & shared) === 0) return
  throw new Failure(`others than its owner may write to ${directory}`, {
    exit: EXIT.unavailable,
    hint: `What lies there would be theirs as well. Take it away from them: chmod go-w ${directory}`,
  })
}

/** A directory with the sticky bit, such as /tmp, is for all, but nobody may move what is another's. */
function isForAll(found: Stats): boolean {
  return found.isDirectory() && (found.mode & OTHERS_WRITE) !== 0 && (found.mode & STICKY) === 0
}

function exchangeable(directory: string, uid: number, but: string): Failure {
  const owner = userNameOf(uid)
  return new Failure(`${directory} belongs to ${owner}, but ${but}, who could put another in its place`, {
    exit: EXIT.unavailable,
    hint: 'Take a directory that lies in directories of root or of its own owner.',
  })
}

function nearest(path: string): string {
  let found = path
  while (lstatSync(found, { throwIfNoEntry: false }) === undefined && found !== '/') found = dirname(found)
  return found
}

function stepsTo(path: string): string[] {
  return path === '/' ? ['/'] : [...stepsTo(dirname(path)), path]
}

/** In a user namespace, what belongs to nobody in it (the root directory, as a rule) is out of reach for all in it. */
function isRoot(uid: number): boolean {
  return uid === ROOT || (uid === OVERFLOW && !isMapped(OVERFLOW))
}

let mapped: boolean | undefined

/** user_namespaces(7): lines of `first in here, first outside, how many`. */
function isMapped(uid: number): boolean {
  mapped ??= readFileSync('/proc/self/uid_map', 'utf8')
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => uid >= first && uid < first + count)
  return mapped
}

/**
 * The files of the ring in the state directory: `ring-000017-1764586800000.pcapng` is the seventeenth, begun then. Synchronous, and may wait for
 * the disk: to be called by a thread that may (history-thread.ts), or by a verb.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { APPLICATION } from '../ring/entry.ts'
import { without } from '../ring/forget.ts'
import { applicationOf, readBlocks } from '../ring/pcapng.ts'
import type { RingFile } from '../ring/read.ts'
import type { RingLimits, RingReach } from '../ring/ring.ts'
import { parsePrefix } from '../terms/address.ts'
import { asOwnerOf, makeDirectory } from './as-owner.ts'
import { refuseShared } from './directory-owner.ts'
import { whyUnreadable } from './files.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_NONBLOCK } = constants
const NAME = /^ring-(\d{6,12})-(\d{1,15})\.pcapng$/
/** The ring has so many files at least, each of so many bytes at most, ... */
const FILES = 4
const FILE_MAX = 16_777_216
/** ... and so many in the time that packets may live: who is taken away with a file is less old by an eighth at most. */
const AGES = 8
/** A file that is larger is none of ours. */
const READ_MAX = 2 * FILE_MAX

interface Named {
  readonly name: string
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly began: number
  readonly bytes: number
}

export interface RingFilesNow {
  append(blocks: Uint8Array, head: Uint8Array, limits: RingLimits, now: number): RingReach
  prune(limits: RingLimits, now: number): RingReach
  forget(prefixes: readonly string[]): number
}

export function ringFiles(directory: string): RingFilesNow {
  let open: { readonly file: number; readonly named: Omit<Named, 'bytes'>; bytes: number } | undefined
  let remarks: readonly string[] = []

  const asOwner = <T>(work: () => T) => asOwnerOf(directory, work)
  const pathOf = (name: string) => `${directory}/${name}`

  function listed(): readonly Named[] {
    return asOwner(() => namesIn(directory).map(one => ({ ...one, bytes: lstatSync(pathOf(one.name)).size })))
  }

  function close(): void {
    if (open !== undefined) closeSync(open.file)
    open = undefined
  }

  /** The last one goes on, as far as it is whole. */
  function goOn(): void {
    const last = namesIn(directory).at(-1)
    if (last === undefined) return
    const file = asOwner(() => openSync(pathOf(last.name), O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK))
    const bytes = readWhole(file)
    const isOurs = bytes !== undefined && isRing(bytes)
    if (!isOurs) {
      remarks = [`${pathOf(last.name)} is no file of the ring, and left alone`]
      closeSync(file)
      return
    }
    let whole = 0
    for (const read of readBlocks(bytes)) if ('end' in read) whole = read.end
    if (whole < bytes.length) {
      remarks = [`${pathOf(last.name)} was not whole: ${bytes.length - whole} bytes at its end are cut off`]
      ftruncateSync(file, whole)
    }
    open = { file, named: last, bytes: whole }
  }

  function begin(head: Uint8Array, now: number): void {
    close()
    makeDirectory(directory, 0o750)
    refuseShared(directory)
    const number = (namesIn(directory).at(-1)?.number ?? 0) + 1
    const name = `ring-${String(number).padStart(6, '0')}-${now}.pcapng`
    const flags = O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW
    const file = asOwner(() => openSync(pathOf(name), flags, 0o600))
    open = { file, named: { name, number, began: now }, bytes: 0 }
    write(head)
  }

  function write(bytes: Uint8Array): void {
    const done = writeSync(open!.file, bytes)
    open!.bytes += done
    if (done === bytes.length) return
    // The disk is full: half a block would hide all that follows.
    ftruncateSync(open!.file, open!.bytes - done)
    close()
    throw new Error('no space left on device')
  }

  function isDue({ bytes: most, ageMs }: RingLimits, more: number, now: number): boolean {
    if (open === undefined) return true
    const { named, bytes } = open
    const age = now - named.began
    return bytes + more > Math.min(FILE_MAX, most / FILES) || age >= ageMs / AGES || age < -ageMs / AGES
  }

  function prune(limits: RingLimits, now: number): RingReach {
    const kept: Named[] = []
    let bytes = 0
    for (const one of [...listed()].reverse()) {
      bytes += one.bytes
      const isOpen = one.name === open?.named.name
      if (now - one.began < limits.ageMs && (bytes <= limits.bytes || isOpen)) kept.push(one)
      else {
        bytes -= one.bytes
        if (isOpen) close()
        asOwner(() => rmSync(pathOf(one.name), { force: true }))
      }
    }
    return { since: kept.at(-1)?.began, bytes, remarks }
  }

  return {
    append(blocks, head, limits, now) {
      if (open === undefined) goOn()
      if (isDue(limits, blocks.length, now)) begin(head, now)
      write(blocks)
      return prune(limits, now)
    },
    prune,
    forget(prefixes) {
      close()
      const wanted = prefixes.flatMap(text => parsePrefix(text) ?? [])
      let packets = 0
      for (const { name } of namesIn(directory)) {
        const bytes = readFile(directory, name)
        if (typeof bytes === 'string' || !isRing(bytes)) continue
        const left = without(bytes, wanted)
        packets += left.packets
        if (left.bytes.length < bytes.length) replace(directory, name, left.bytes)
      }
      return packets
    },
  }
}

/** The files, the oldest first, each read when it is taken; where one cannot be read, why. */
export function* readRing(directory: string): Generator<RingFile> {
  for (const { name } of namesIn(directory)) {
    const bytes = readFile(directory, name)
    yield { name: `${directory}/${name}`, ...(typeof bytes === 'string' ? { because: bytes } : { bytes }) }
  }
}

function namesIn(directory: string): readonly Omit<Named, 'bytes'>[] {
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const found = names.flatMap(name => {
    const [, number, began] = NAME.exec(name) ?? []
    return number === undefined ? [] : [{ name, number: Number(number), began: Number(began) }]
  })
  return found.sort((one, other) => one.number - other.number)
}

function isRing(bytes: Uint8Array): boolean {
  return applicationOf(bytes)?.startsWith(`${APPLICATION} `) === true
}

/** The bytes, or why there are none. */
function readFile(directory: string, name: string): Uint8Array | string {
  let file: number
  try {
    file = asOwnerOf(directory, () => openSync(`${directory}/${name}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
  } catch (error) {
    return whyUnreadable(error).because
  }
  try {
    return readWhole(file) ?? 'it is no plain file of at most 32 MB'
  } finally {
    closeSync(file)
  }
}

function readWhole(file: number): Uint8Array | undefined {
  const found = fstatSync(file)
  if (!found.isFile() || found.size > READ_MAX) return undefined
  const bytes = new Uint8Array(found.size)
  let read = 0
  while (read < bytes.length) {
    const count = readSync(file, bytes, read, bytes.length - read, read)
    if (count === 0) break
    read += count
  }
  return bytes.subarray(0, read)
}

function replace(directory: string, name: string, bytes: Uint8Array): void {
  const beside = `${directory}/.${name}.new`
  asOwnerOf(directory, () => {
    rmSync(beside, { force: true })
    const file = openSync(beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    try {
      writeSync(file, bytes)
    } finally {
      closeSync(file)
    }
    renameSync(beside, `${directory}/${name}`)
  })
}

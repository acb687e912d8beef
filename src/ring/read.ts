/** What the ring remembers, read back: of a file that is damaged all before the damage, and of one that is none of ours nothing. */
import { APPLICATION, type Entry, entryOf } from './entry.ts'
import { applicationOf, readBlocks } from './pcapng.ts'

/** A file of the ring, or why it cannot be read. */
export type RingFile = { readonly name: string } & (
  | { readonly bytes: Uint8Array }
  | { readonly because: string }
)

/** The entries in the order in which they were written; `problem` is told of each file that could not be read whole, in a sentence. */
export function* entriesOf(files: Iterable<RingFile>, problem: (sentence: string) => void): Generator<Entry> {
  for (const file of files) {
    if ('because' in file) problem(`${file.name} is left out: ${file.because}`)
    else yield* entriesIn(file.name, file.bytes, problem)
  }
}

function* entriesIn(name: string, bytes: Uint8Array, problem: (sentence: string) => void): Generator<Entry> {
  const isOurs = applicationOf(bytes)?.startsWith(`${APPLICATION} `) === true
  let strange = 0
  for (const read of readBlocks(bytes)) {
    if ('wrong' in read) {
      problem(`${name} ${read.offset === 0 ? 'is left out' : 'is read up to there'}: ${read.wrong}`)
      break
    }
    if (!isOurs) {
      problem(`${name} is left out: it was not written by flypaperd's ring`)
      return
    }
    if (read.found === undefined) continue
    const entry = entryOf(read.found)
    if (entry === undefined) strange++
    else yield entry
  }
  if (strange > 0) problem(`${name}: ${strange} blocks in it say nothing that this version knows`)
}

/** A person is to be forgotten: what came from him or was for him, and where his address is named. */
import { decode } from '../decode/decode.ts'
import type { Prefix } from '../terms/address.ts'
import { addressKey } from '../terms/address-bytes.ts'
import { type Fly, meets } from '../terms/fly.ts'
import { type PrefixSet, prefixSet } from '../terms/prefix-set.ts'
import { blockOfNote, entryOf, type Note } from './entry.ts'
import { type Block, joined, readBlocks } from './pcapng.ts'

/** The same file without them; `packets` are those that are missing in it. What cannot be read is cut off. */
export function without(
  bytes: Uint8Array,
  prefixes: readonly Prefix[],
): { readonly bytes: Uint8Array; readonly packets: number } {
  const wanted = prefixSet(prefixes)
  const kept: Uint8Array[] = []
  let packets = 0
  for (const read of readBlocks(bytes)) {
    if ('wrong' in read) break
    const block = bytes.subarray(read.offset, read.end)
    if (read.found?.block === 'packet' && isOf(read.found, wanted)) packets++
    else kept.push(read.found?.block === 'journal' ? noteWithout(read.found, block, wanted) : block)
  }
  return { bytes: joined(kept), packets }
}

function isOf({ bytes }: Extract<Block, { block: 'packet' }>, wanted: PrefixSet): boolean {
  const packet = decode(bytes)
  if ('unreadable' in packet) return true
  return wanted.has(addressKey(packet.source)) || wanted.has(addressKey(packet.destination))
}

function noteWithout(found: Block, block: Uint8Array, wanted: PrefixSet): Uint8Array {
  const entry = entryOf(found)
  if (entry?.entry !== 'note' || !('sources' in entry.what)) return block
  const { what } = entry
  const isNamed = (fly: Fly) => meets(fly, wanted)
  const left = {
    ...what,
    sources: what.sources.filter(one => !isNamed(typeof one === 'string' ? one : one[0])),
  }
  if (left.sources.length === what.sources.length) return block
  return left.sources.length === 0 ? new Uint8Array(0) : blockOfNote(left as Note, entry.at)
}

import assert from 'node:assert/strict'
import { without } from '../../src/ring/forget.ts'
import { joined } from '../../src/ring/pcapng.ts'
import { entriesOf } from '../../src/ring/read.ts'
import type { RingFiles } from '../../src/ring/ring.ts'
import { parsePrefix } from '../../src/terms/address.ts'

/** The ring as one file in memory, which may hang. */
export function fakeRing(since: number) {
  const files: RingFiles = {
    async append(blocks, head) {
      await ring.hang
      ring.bytes = joined([ring.bytes.length === 0 ? head : ring.bytes, blocks])
      return { since, bytes: ring.bytes.length, remarks: [] }
    },
    prune: async () => ({ since, bytes: ring.bytes.length, remarks: [] }),
    async forget(prefixes) {
      const left = without(
        ring.bytes,
        prefixes.map(text => parsePrefix(text)!),
      )
      ring.bytes = left.bytes
      return left.packets
    },
  }
  const ring = {
    files,
    bytes: new Uint8Array(0) as Uint8Array,
    /** While it waits, nothing is written. */
    hang: undefined as Promise<void> | undefined,
    entries: () => [...entriesOf([{ name: 'the ring', bytes: ring.bytes }], assert.fail)],
  }
  return ring
}

/** Which program a test starts: made by test/support/made-programs.ts, or else, where a test file is run by itself, the sources. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the programs that were made for these tests. */
export const PROGRAMS_VARIABLE = 'FLYPAPERD_TEST_PROGRAMS'

function program(source: string, made: string): string {
  const folder = process.env[PROGRAMS_VARIABLE]
  return folder === undefined ? fileURLToPath(new URL(source, import.meta.url)) : join(folder, made)
}

export const FLYPAPERD = program('../../src/checkout.ts', 'main.js')
/** What flypaperd runs in the namespaces of its proof: sender and listeners. */
export const IN_CLONE = program('../../src/system/in-clone.ts', 'in-clone.js')
/** The same where the kernel has no nft_queue. */
export const BY_IPTABLES_QUEUE = program('queue-without-nft-queue.ts', 'queue-without-nft-queue.js')

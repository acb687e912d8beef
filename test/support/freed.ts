/** What an order to free has met, all pieces together. */
import type { Trap } from '../../src/daemon/run.ts'
import type { Freed } from '../../src/lockout/free.ts'
import { parsePrefix } from '../../src/terms/address.ts'

export async function freed(trap: Trap, wanted: string, by = 'root'): Promise<Freed> {
  const all: Freed[] = []
  await trap.free([parsePrefix(wanted)!], by, piece => void all.push(piece))
  return { flies: all.flatMap(({ flies }) => flies), held: all.flatMap(({ held }) => held) }
}

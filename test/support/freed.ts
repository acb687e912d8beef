/** What an order to free has met, all pieces together. */
import type { Flypaper, Freed } from '../../src/lockout/flypaper.ts'
import { parsePrefix } from '../../src/terms/address.ts'

export async function freed(
  flypaper: Flypaper,
  wanted: string | readonly string[],
  now: number,
  by = 'root',
): Promise<Freed> {
  const all: Freed[] = []
  const prefixes = [wanted].flat().map(text => parsePrefix(text)!)
  await flypaper.free(
    prefixes,
    by,
    () => now,
    piece => void all.push(piece),
  )
  return { flies: all.flatMap(({ flies }) => flies), held: all.flatMap(({ held }) => held) }
}

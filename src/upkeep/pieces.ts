/** Long work in pieces, between which packets and requests have their turn. */
import { setImmediate as turn } from 'node:timers/promises'

const PIECE = 1000

export async function inPieces<T>(
  items: readonly T[],
  act: (piece: readonly T[]) => void,
  signal?: AbortSignal,
): Promise<void> {
  for (let from = 0; from < items.length; from += PIECE) {
    if (from > 0) await turn()
    if (signal?.aborted) return
    act(items.slice(from, from + PIECE))
  }
}

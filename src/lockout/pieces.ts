/** Long work in pieces, between which packets and requests have their turn. */
import { setImmediate as turn } from 'node:timers/promises'
import { piecesOf } from '../terms/pieces.ts'

const PIECE = 1000

export async function inPieces<T>(
  items: Iterable<T>,
  act: (piece: readonly T[]) => void,
  signal?: AbortSignal,
): Promise<void> {
  for (const piece of piecesOf(items, PIECE)) {
    if (signal?.aborted) return
    act(piece)
    await turn()
  }
}

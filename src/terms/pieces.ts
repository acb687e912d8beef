/** Long work in pieces. */

/** Arrays of at most so many, read as the caller takes them. */
export function* piecesOf<T>(items: Iterable<T>, most: number): Generator<readonly T[]> {
  let piece: T[] = []
  for (const item of items) {
    piece.push(item)
    if (piece.length < most) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}

/**
 * Destroying elements where the kernel only deletes (before 6.3), and refuses the whole transaction for one that is not there. Never by
 * adding them first to a set that packets fill, too: that takes its bound (docs/decisions/0039-the-bound-of-a-set.md).
 */
import type { ElementChange, SetElement } from './element-batch.ts'
import { ERRNO } from './libc.ts'

type Commit = (changes: readonly ElementChange[]) => number

/** The errno, 0 when it is done. `isThere` tells whether there is such a set. */
export function commitWithoutDestroy(
  changes: readonly ElementChange[],
  commit: Commit,
  isThere: (set: string) => boolean,
): number {
  if (changes.some(({ op }) => op !== 'destroy')) return commit(changes.flatMap(addedFirst))
  if (!changes.every(({ set }) => isThere(set))) return ERRNO.ENOENT
  for (const change of changes) {
    const refused = deleteThose(change, commit)
    if (refused !== 0) return refused
  }
  return 0
}

/** Whoever is added as well must not be missing in between, so it is one transaction: of sets that nobody else fills. */
function addedFirst(change: ElementChange): readonly ElementChange[] {
  if (change.op !== 'destroy') return [change]
  const elements = [...new Map(change.elements.map(({ key }) => [String(key), { key }])).values()]
  return [
    { ...change, op: 'add', elements },
    { ...change, op: 'delete', elements },
  ]
}

/** Halves find out who is not there, and of one alone nothing is left to be done. */
function deleteThose({ set, elements }: ElementChange, commit: Commit): number {
  if (elements.length === 0) return 0
  const refused = commit([{ op: 'delete', set, elements }])
  if (refused !== ERRNO.ENOENT) return refused
  if (elements.length === 1) return 0
  const middle = elements.length >> 1
  const half = (part: readonly SetElement[]) => deleteThose({ op: 'delete', set, elements: part }, commit)
  return half(elements.slice(0, middle)) || half(elements.slice(middle))
}

/**
 * Destroying elements where the kernel only deletes (before 6.3, and in sets of intervals), and refuses the whole transaction for one that
 * is not there. Never by adding them first: an addition to a set that packets fill takes its bound (docs/decisions/0039-the-bound-of-a-set.md). Nor
 * by trial: each transaction that is refused waits until all processors have let go of it, which takes milliseconds.
 */
import { ERRNO } from './libc.ts'
import { type ElementChange, isOfElements, type SetElement, type TableChange } from './table-change.ts'

export interface Kernel {
  /** Returns the errno, 0 when it is done. */
  commit(changes: readonly TableChange[]): number
  /** Those of these that are in the set, with the milliseconds that each has left. */
  there(set: string, elements: readonly SetElement[]): readonly There[]
  exists(set: string): boolean
}

export interface There {
  readonly element: SetElement
  /** Undefined: it stays. */
  readonly expiresMs: number | undefined
}

type IsAsked = (change: ElementChange) => boolean

/** Somebody may go between the question and the deletion. */
const ATTEMPTS = 5
/** Who goes so soon anyway is left to it. */
const SOON_MS = 20

/** Commits; of what is to be destroyed, and `isAsked` is true of, only what is there. Returns the errno, 0 when it is done. */
export function commitThose(changes: readonly TableChange[], isAsked: IsAsked, kernel: Kernel): number {
  const isAskedFor = (change: TableChange): change is ElementChange =>
    isOfElements(change) && change.op === 'destroy' && isAsked(change)
  if (!changes.some(isAskedFor)) return kernel.commit(changes)
  if (!changes.every(isAskedFor)) return commitMixed(changes, isAskedFor, kernel)
  for (const change of changes) {
    const refused = deleteThose(change, kernel)
    if (refused !== 0) return refused
  }
  return 0
}

/** Whoever is added as well must not be missing in between, so it is one transaction. */
function commitMixed(
  changes: readonly TableChange[],
  isAskedFor: (change: TableChange) => change is ElementChange,
  kernel: Kernel,
): number {
  const deleting = (change: ElementChange): ElementChange => ({
    op: 'delete',
    set: change.set,
    elements: kernel.there(change.set, onceEach(change)).map(({ element }) => element),
  })
  for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
    const refused = kernel.commit(changes.map(change => (isAskedFor(change) ? deleting(change) : change)))
    if (refused !== ERRNO.ENOENT) return refused
  }
  return ERRNO.ENOENT
}

function onceEach({ elements }: ElementChange): readonly SetElement[] {
  return [...new Map(elements.map(({ key, to }) => [`${key} ${to}`, { key, to }])).values()]
}

function deleteThose(change: ElementChange, kernel: Kernel): number {
  const { set } = change
  for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
    const there = kernel
      .there(set, onceEach(change))
      .filter(({ expiresMs = SOON_MS }) => expiresMs >= SOON_MS)
    if (there.length === 0) return kernel.exists(set) ? 0 : ERRNO.ENOENT
    const refused = kernel.commit([{ op: 'delete', set, elements: there.map(({ element }) => element) }])
    if (refused !== ERRNO.ENOENT) return refused
  }
  return ERRNO.ENOENT
}

/**
 * Destroying elements where the kernel only deletes (before 6.3), and refuses the whole transaction for one that is not there. Never by
 * adding them first to a set that packets fill, too: that takes its bound (docs/decisions/0039-the-bound-of-a-set.md). Nor
 * by trial: each transaction that is refused waits until all processors have let go of it, which takes milliseconds.
 */
import type { ElementChange, SetElement } from './element-batch.ts'
import { ERRNO } from './libc.ts'
import type { RulesetElement } from './ruleset-parse.ts'

export interface Kernel {
  /** Returns the errno, 0 when it is done. */
  commit(changes: readonly ElementChange[]): number
  /** Those of these that are in the set. */
  ask(set: string, keys: readonly SetElement['key'][]): readonly RulesetElement[]
  exists(set: string): boolean
}

/** Somebody may go between the question and the deletion. */
const ATTEMPTS = 5
/** Who goes so soon anyway is left to it. */
const SOON_MS = 20

/** The errno, 0 when it is done. */
export function commitWithoutDestroy(changes: readonly ElementChange[], kernel: Kernel): number {
  const unique = changes.map(change => (change.op === 'destroy' ? onceEach(change) : change))
  if (unique.some(({ op }) => op !== 'destroy')) return kernel.commit(unique.flatMap(addedFirst))
  for (const change of unique) {
    const refused = deleteThose(change, kernel)
    if (refused !== 0) return refused
  }
  return 0
}

function onceEach(change: ElementChange): ElementChange {
  return { ...change, elements: [...new Map(change.elements.map(one => [String(one.key), one])).values()] }
}

/** Whoever is added as well must not be missing in between, so it is one transaction: of sets that nobody else fills. */
function addedFirst(change: ElementChange): readonly ElementChange[] {
  if (change.op !== 'destroy') return [change]
  const elements = change.elements.map(({ key }) => ({ key }))
  return [
    { ...change, op: 'add', elements },
    { ...change, op: 'delete', elements },
  ]
}

function deleteThose({ set, elements }: ElementChange, kernel: Kernel): number {
  const keys = elements.map(({ key }) => key)
  for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
    const there = kernel.ask(set, keys).filter(({ expiresMs = SOON_MS }) => expiresMs >= SOON_MS)
    if (there.length === 0) return kernel.exists(set) ? 0 : ERRNO.ENOENT
    const refused = kernel.commit([{ op: 'delete', set, elements: there.map(({ key }) => ({ key })) }])
    if (refused !== ERRNO.ENOENT) return refused
  }
  return ERRNO.ENOENT
}

/**
 * Changes that are too large for one transaction: an ordinary user's socket buffer, as in a user namespace, takes
 * about 200 KB.
 */
import type { Change } from '../arm/firewall.ts'

type Elements = Extract<Change, { change: 'add' | 'remove' }>

/**
 * The same changes as two smaller transactions; undefined when they do not change elements alone, or one each.
 * Elements that are removed and added again stay together, so none is missing in between.
 */
export function halves(
  changes: readonly Change[],
): readonly [readonly Change[], readonly Change[]] | undefined {
  const isElements = (change: Change): change is Elements =>
    change.change === 'add' || change.change === 'remove'
  if (!changes.every(isElements) || changes.every(({ elements }) => elements.length < 2)) return undefined
  const part = (from: (length: number) => number, to: (length: number) => number) =>
    changes
      .map(change => ({
        ...change,
        elements: change.elements.slice(from(change.elements.length), to(change.elements.length)),
      }))
      .filter(({ elements }) => elements.length > 0)
  const middle = (length: number) => length >> 1
  return [part(() => 0, middle), part(middle, length => length)]
}

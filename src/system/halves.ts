/**
 * Changes that are too large for one transaction: an ordinary user's socket buffer, as in a user namespace, takes
 * about 200 KB.
 */
import type { Change } from '../arm/firewall.ts'
import { WORDS } from '../terms/prefix-set.ts'

type Exchange = Extract<Change, { change: 'exchange' }>
type Elements = Extract<Change, { change: 'add' | 'remove' }>

/**
 * An exchange of intervals: first they go, then others come, each by halves if need be. In between some are missing, and what the kernel does to
 * them meanwhile the daemon undoes.
 */
function halvesOf(exchange: Exchange): readonly [readonly Change[], readonly Change[]] | undefined {
  const { gone, come } = exchange
  const none = new Uint32Array()
  if (gone.length > 0 && come.length > 0)
    return [[{ ...exchange, come: none }], [{ ...exchange, gone: none }]]
  const each = 2 * WORDS[exchange.family]
  const count = (gone.length + come.length) / each
  if (count < 2) return undefined
  const part = (from: number, to?: number): Exchange => ({
    ...exchange,
    gone: gone.subarray(from, to),
    come: come.subarray(from, to),
  })
  const middle = (count >> 1) * each
  return [[part(0, middle)], [part(middle)]]
}

/**
 * The same changes as two smaller transactions; undefined when they do not change elements alone, or one each.
 * Elements that are removed and added again stay together, so none is missing in between.
 */
export function halves(
  changes: readonly Change[],
): readonly [readonly Change[], readonly Change[]] | undefined {
  const [first, ...rest] = changes
  if (first?.change === 'exchange' && rest.length === 0) return halvesOf(first)
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

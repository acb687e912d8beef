/** Several TOML documents become one. */
import { isTable } from './kinds.ts'

/**
 * The later value wins; tables are merged key by key. Lists add up, so that no file can take away what another one spares:
 * each entry is there once.
 */
export function merge(one: unknown, later: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(later)) return [...new Set([...one, ...later])]
  if (!isTable(one) || !isTable(later)) return later
  const added = Object.entries(later).map(([key, value]) => [
    key,
    Object.hasOwn(one, key) ? merge(one[key], value) : value,
  ])
  // fromEntries, since it makes properties of its own: __proto__ is a key as any other.
  return Object.fromEntries([...Object.entries(one), ...added])
}

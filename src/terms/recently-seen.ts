/** A bounded memory by key: when it is full, what was put longest ago makes room. */

export interface RecentlySeen<Key, Value> {
  /** What was put for this key, which is then forgotten. */
  take(key: Key): Value | undefined
  put(key: Key, value: Value): void
  has(key: Key): boolean
  /** Forgets whoever this is true of. */
  forget(isForgotten: (key: Key) => boolean): void
  clear(): void
  readonly size: number
}

export function recentlySeen<Key, Value>(most: number): RecentlySeen<Key, Value> {
  const entries = new Map<Key, Value>() // in the order in which they were put
  return {
    take(key) {
      const value = entries.get(key)
      entries.delete(key)
      return value
    },
    put(key, value) {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > most) entries.delete(entries.keys().next().value!)
    },
    has: key => entries.has(key),
    forget(isForgotten) {
      for (const key of entries.keys()) if (isForgotten(key)) entries.delete(key)
    },
    clear: () => entries.clear(),
    get size() {
      return entries.size
    },
  }
}

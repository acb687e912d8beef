/**
 * A hash table from keys of some 32-bit words to the time since when and until when: what a million flies are kept in, at
 * about 40 bytes a fly of IPv4 where a Map of strings and objects takes 200.
 *
 * A key has a place, which stays its own until it is deleted, so that whoever walks over the places while others come
 * and go misses nobody who stays. `slots` is open addressing with linear probing: it finds the place of a key.
 */

export interface TermTable {
  /** Words of a key. */
  readonly words: number
  readonly size: number
  /** One behind the last place that was ever taken. */
  readonly end: number
  /** By place; `until` of a place that nobody has is not a number, so that no comparison with it holds. */
  readonly since: Float64Array
  readonly until: Float64Array
  /** By place: by so many seconds it is prolonged while the fly tries; 0: never, or nobody's place. */
  readonly stretch: Uint32Array
  /** By place: what was counted of it at the half of its time, as trying.ts writes that down; 0: it was not asked for yet. */
  readonly seen: Uint32Array
  /** The place of the key; -1: it is not there. */
  find(key: Uint32Array): number
  /** Adds the key, or gives it other times; tells whether it was added. Its time begins anew: it was not asked for yet. */
  put(key: Uint32Array, since: number, until: number, stretch?: number): boolean
  /** Tells whether it was there. */
  delete(key: Uint32Array): boolean
  /** The key at this place, valid until the next call. */
  keyAt(place: number): Uint32Array
  clear(): void
}

const FEWEST = 64
/** Slots that are taken at most: beyond, looking up takes many steps. */
const LOAD = 0.75

export function termTable(words: 1 | 2 | 4): TermTable {
  let { keys, since, until, stretch, seen, slots } = emptyArrays(words)
  let size = 0
  let end = 0
  /** Places that were left, as a list: each holds one more than the next in its first word. */
  let left = 0
  // Random, so that nobody who picks his addresses can pick those that collide.
  const factor = (Math.random() * 2 ** 32) | 1

  /** Where the key that begins there would be if it were alone. */
  function slotOf(key: Uint32Array, start = 0): number {
    let hash = 0
    for (let word = 0; word < words; word++) {
      hash = Math.imul(hash ^ key[start + word]!, factor)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash, 0x85ebca6b)
    return (hash ^ (hash >>> 13)) & (slots.length - 1)
  }

  function isAt(place: number, key: Uint32Array): boolean {
    for (let word = 0; word < words; word++) if (keys[place * words + word] !== key[word]) return false
    return true
  }

  /** The slot of the key, or the empty one where it would be. */
  function search(key: Uint32Array): number {
    let slot = slotOf(key)
    while (slots[slot] !== 0 && !isAt(slots[slot]! - 1, key)) slot = (slot + 1) & (slots.length - 1)
    return slot
  }

  const key = new Uint32Array(words)
  /** One array for all: to make a view takes longer than everything else that is done for a fly. */
  function keyAt(place: number): Uint32Array {
    for (let word = 0; word < words; word++) key[word] = keys[place * words + word]!
    return key
  }

  function takePlace(): number {
    if (left > 0) {
      const place = left - 1
      left = keys[place * words]!
      return place
    }
    if (end === since.length) growPlaces()
    return end++
  }

  function growPlaces(): void {
    const room = Math.ceil(since.length * 1.5)
    keys = grown(keys, new Uint32Array(room * words))
    since = grown(since, new Float64Array(room))
    until = grown(until, new Float64Array(room))
    until.fill(Number.NaN, end)
    stretch = grown(stretch, new Uint32Array(room))
    seen = grown(seen, new Uint32Array(room))
  }

  function growSlots(): void {
    slots = new Uint32Array(slots.length * 2)
    for (let place = 0; place < end; place++) {
      if (Number.isNaN(until[place])) continue
      let slot = slotOf(keys, place * words)
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
      slots[slot] = place + 1
    }
  }

  /** Whoever stands behind an emptied slot, and would not be found any more, moves into it. */
  function empty(slot: number): void {
    const mask = slots.length - 1
    let gap = slot
    for (let next = (gap + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const wanted = slotOf(keys, (slots[next]! - 1) * words)
      if (((next - wanted) & mask) < ((next - gap) & mask)) continue
      slots[gap] = slots[next]!
      gap = next
    }
    slots[gap] = 0
  }

  return {
    words,
    get size() {
      return size
    },
    get end() {
      return end
    },
    get since() {
      return since
    },
    get until() {
      return until
    },
    get stretch() {
      return stretch
    },
    get seen() {
      return seen
    },
    find: key => slots[search(key)]! - 1,
    put(key, from, to, by = 0) {
      let slot = search(key)
      const isNew = slots[slot] === 0
      if (isNew && size + 1 > slots.length * LOAD) {
        growSlots()
        slot = search(key)
      }
      const place = isNew ? takePlace() : slots[slot]! - 1
      if (isNew) {
        size++
        slots[slot] = place + 1
        keys.set(key, place * words)
      }
      since[place] = from
      until[place] = to
      stretch[place] = by
      seen[place] = 0
      return isNew
    },
    delete(key) {
      const slot = search(key)
      if (slots[slot] === 0) return false
      const place = slots[slot]! - 1
      empty(slot)
      size--
      until[place] = Number.NaN
      stretch[place] = 0
      keys[place * words] = left
      left = place + 1
      return true
    },
    keyAt,
    clear() {
      ;({ keys, since, until, stretch, seen, slots } = emptyArrays(words))
      size = end = left = 0
    },
  }
}

function emptyArrays(words: number) {
  return {
    keys: new Uint32Array(FEWEST * words),
    since: new Float64Array(FEWEST),
    until: new Float64Array(FEWEST).fill(Number.NaN),
    stretch: new Uint32Array(FEWEST),
    seen: new Uint32Array(FEWEST),
    /** One more than the place; 0: nobody's. */
    slots: new Uint32Array(FEWEST * 2),
  }
}

function grown<T extends Uint32Array | Float64Array>(old: T, wider: T): T {
  wider.set(old)
  return wider
}

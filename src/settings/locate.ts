/**
 * Where the keys and values of a TOML document stand. zod names a path and TOML parsers keep no positions, so this
 * walks the text once more. smol-toml has judged the text before, so nothing is checked here.
 */
import { parse } from 'smol-toml'

export type Path = readonly (string | number)[]

export interface Place {
  readonly path: Path
  /** Offset of the key in the text; for an entry of a list, and for what a table header names, that of itself. */
  readonly key: number
  readonly value: number
}

const SPACE = /[ \t]*/y
const BLANK = /(?:[ \t\r\n]|#[^\n]*)*/y
const STRING = /"""(?:\\[\s\S]|[^\\])*?"{3,5}|'''[\s\S]*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'/y
const BARE = /[^\s,\]}#]+(?: \d[^\s,\]}#]*)?/y
const KEY = /[\w-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'/y

/** Every key, table header and list entry, in the order of the text. */
export function placesIn(toml: string): Place[] {
  const places: Place[] = []
  let at = 0
  let table: Path = []

  for (take(BLANK); at < toml.length; take(BLANK)) {
    if (take(/\[\[?/y)) {
      table = keys([])
      take(/[ \t]*\]\]?/y)
    } else pair(table)
  }
  return places

  function take(pattern: RegExp): string {
    pattern.lastIndex = at
    const [taken] = pattern.exec(toml) ?? ['']
    at += taken.length
    return taken
  }

  /** A dotted key; every part of it is a place. */
  function keys(inside: Path): Path {
    let path = inside
    do {
      take(SPACE)
      const key = at
      path = [...path, plain(take(KEY))]
      places.push({ path, key, value: key })
      take(SPACE)
    } while (take(/\./y))
    return path
  }

  function pair(inside: Path): void {
    const path = keys(inside)
    take(/=[ \t]*/y)
    places.push({ ...places.pop()!, value: at })
    value(path)
  }

  function value(path: Path): void {
    if (take(/\[/y)) entries(/\]/y, index => entry([...path, index]))
    else if (take(/\{/y)) entries(/\}/y, () => pair(path))
    // What is no TOML must not stop the walk.
    else if (!take(STRING) && !take(BARE)) at++
  }

  function entry(path: Path): void {
    places.push({ path, key: at, value: at })
    value(path)
  }

  function entries(end: RegExp, read: (index: number) => void): void {
    for (let index = 0; at < toml.length; index++) {
      take(BLANK)
      if (take(end)) return
      read(index)
      take(BLANK)
      take(/,/y)
    }
  }
}

/** The name that a key means, quoted or not. */
function plain(key: string): string {
  return /^["']/.test(key) ? Object.keys(parse(`${key} = 0`))[0]! : key
}

/** Finds the place of a path, or of the nearest thing around it that has one: its table, else the start of the text. */
export function placeFinder(toml: string): (path: Path) => Place {
  // The first place of a path is the one that stays.
  const byPath = new Map(
    placesIn(toml)
      .reverse()
      .map(place => [idOf(place.path), place]),
  )
  return function find(path): Place {
    if (path.length === 0) return { path, key: 0, value: 0 }
    return byPath.get(idOf(path)) ?? find(path.slice(0, -1))
  }
}

/** The same text for the same path. */
export function idOf(path: Path): string {
  return JSON.stringify(path)
}

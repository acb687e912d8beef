/** A list of flies that somebody else made becomes wishes, or a Failure that names the lines that are wrong. */
import { type Prefix, parsePrefix } from '../../terms/address.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, Failure } from '../../terms/failure.ts'

export interface Imported {
  readonly prefix: Prefix
  /** Milliseconds since 1970, where the list says so. */
  readonly until?: number | 'forever'
}

/** Addresses and prefixes of one list, at most. */
export const IMPORT_MAX = 100_000
const SHOWN = 10
const LONGEST_SHOWN = 60

/** Plain: one a line, `#` begins a comment. JSON: an array of texts, or of objects as `export --json` writes them. */
export function parseList(text: string, file: string): Imported[] {
  const entries = text.trimStart().startsWith('[') ? jsonEntries(text, file) : plainEntries(text)
  if (entries.length > IMPORT_MAX) {
    throw new Failure(`${escapeText(file)} has ${entries.length} entries; an import takes ${IMPORT_MAX}`, {
      exit: EXIT.usage,
      hint: 'Split it.',
    })
  }
  const imported: Imported[] = []
  const wrong: string[] = []
  for (const { place, source, until } of entries) {
    const prefix = typeof source === 'string' ? parsePrefix(source) : undefined
    const end = until === undefined || until === 'forever' ? until : Date.parse(String(until))
    if (prefix === undefined) wrong.push(`${place}: ${shown(source)} is no address and no prefix`)
    else if (Number.isNaN(end)) wrong.push(`${place}: ${shown(until)} is no time`)
    else imported.push({ prefix, ...(end !== undefined && { until: end }) })
  }
  if (wrong.length > 0) throw failureOf(wrong, file)
  return imported
}

interface Entry {
  /** The line, or the number of the entry. */
  readonly place: number
  readonly source: unknown
  readonly until?: unknown
}

function plainEntries(text: string): Entry[] {
  return text
    .split('\n')
    .map((line, i) => ({ place: i + 1, source: line.replace(/#.*/, '').trim() }))
    .filter(({ source }) => source !== '')
}

function jsonEntries(text: string, file: string): Entry[] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (error) {
    throw new Failure(`${escapeText(file)} is no JSON: ${escapeText((error as Error).message)}`, {
      exit: EXIT.usage,
    })
  }
  return (list as unknown[]).map((entry, i) => {
    const place = i + 1
    if (typeof entry !== 'object' || entry === null) return { place, source: entry }
    const { source, until } = entry as { source?: unknown; until?: unknown }
    return { place, source, until }
  })
}

function failureOf(wrong: readonly string[], file: string): Failure {
  const more = wrong.length > SHOWN ? [`and ${wrong.length - SHOWN} more`] : []
  const lines = [...wrong.slice(0, SHOWN).map(one => `${escapeText(file)}:${one}`), ...more]
  return new Failure(`nobody is locked out, for what is wrong in this list:\n${lines.join('\n')}`, {
    exit: EXIT.usage,
  })
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return escapeText(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : JSON.stringify(text))
}

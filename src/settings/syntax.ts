/** What is wrong with a text that is not TOML. smol-toml finds the place; what people usually meant there is said here. */
import { TomlError } from 'smol-toml'
import type { Mistake } from './explain.ts'
import { idOf, placesIn } from './locate.ts'

/** Undefined when the error is not about the text. */
export function syntaxMistake(error: unknown, text: string): Mistake | undefined {
  if (!(error instanceof TomlError)) return undefined
  const lines = text.split(/(?<=\n)/)
  const start = lines.slice(0, error.line - 1).join('').length
  const offset = start + error.column - 1
  const [reason] = error.message.replace('Invalid TOML document: ', '').split('\n')
  if (reason?.startsWith('trying to redefine')) return duplicate(text, offset)
  return {
    offset,
    problem: `this is not TOML: ${reason}`,
    advice: adviceFor((lines[error.line - 1] ?? '').trim()),
  }
}

/** The second key or table of the same name: the text up to it is sound, so its places are known. */
function duplicate(text: string, offset: number): Mistake {
  const [key = ''] = /^[^=\]\n]*/.exec(text.slice(offset)) ?? []
  const places = placesIn(text.slice(0, offset) + key)
  const path = places.at(-1)?.path ?? []
  const first = places.find(place => place.key < offset && idOf(place.path) === idOf(path))
  const line = first === undefined ? 'above' : `in line ${text.slice(0, first.key).split('\n').length}`
  return {
    offset,
    problem: `${path.join('.')} is written twice`,
    advice: `keep one of the two; the other is ${line}`,
  }
}

/** By the shape of the line; the parser's words can change. */
function adviceFor(line: string): string {
  const [, key, value = ''] = /^([\w.-]+)\s*=\s*(.*)$/.exec(line) ?? []
  if (key === undefined) return adviceForOther(line)
  const [bare = ''] = value.split(/\s*#/, 1)
  if (bare === '') return `write a value behind ${key} =`
  if (/^["']/.test(bare)) return 'write the text between two double quotes, and nothing behind it'
  if (bare.startsWith('['))
    return 'write each entry in double quotes, a comma between two, and ] behind the last'
  if (bare.startsWith('{')) return `write [${key}] in a line of its own, and its settings in the lines below`
  if (/[\w"]\s*=/.test(bare)) return 'write each setting in a line of its own'
  if (/^[+-]?[\d_]+$/.test(bare)) return 'write a whole number in digits only, without zeros before it'
  return `texts stand in double quotes: write ${key} = "${bare.replace(/["“”'‘’]/g, '')}"`
}

function adviceForOther(line: string): string {
  if (/^["']/.test(line)) return 'write each entry in double quotes, and a comma between two'
  const [, name] = /^\[+\s*([\w.-]+)/.exec(line) ?? []
  if (name !== undefined) return `write [${name}] in a line of its own`
  const [, key, value] = /^([\w.-]+)\s*[: ]\s*(.+)$/.exec(line) ?? []
  if (key !== undefined) return `write an equals sign: ${key} = ${value}`
  return 'write lines such as hold = "20s", or begin the line with # to make it a comment'
}

/** From a TOML file to Settings, or to a Failure that shows every mistake in it. */
import { parse } from 'smol-toml'
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { explain } from './explain.ts'
import { placeFinder } from './locate.ts'
import { mistakesOf } from './mistakes.ts'
import { schema } from './schema.ts'
import type { Settings } from './settings.ts'
import { syntaxMistake } from './syntax.ts'

export const DEFAULT_FILE = '/etc/flypaperd/flypaperd.toml'

export type TextFile =
  | { readonly text: string }
  /** `because` is in the words of the system, for people. */
  | { readonly unreadable: 'missing' | 'forbidden' | 'other'; readonly because: string }

/** Reads a file whole, and never throws: the port that system/files.ts stands behind. */
export type ReadText = (path: string) => TextFile

/** The settings of the named file, or of the default one, which need not exist. Throws a Failure, exit 77 or 78. */
export function loadSettings(path: string | undefined, readText: ReadText): Settings {
  const file = path ?? DEFAULT_FILE
  const read = readText(file)
  if ('text' in read) return parseSettings(read.text, file)
  if (read.unreadable === 'missing' && path === undefined) return parseSettings('', file)
  throw new Failure(
    `cannot read the settings file ${escapeText(file)}: ${read.because}`,
    HELP[read.unreadable],
  )
}

const HELP = {
  missing: {
    exit: EXIT.settings,
    hint: `name a file that exists, or leave out --settings for ${DEFAULT_FILE}`,
  },
  forbidden: { exit: EXIT.noPermission, hint: 'use sudo, or let this user read the file' },
  other: { exit: EXIT.settings, hint: 'name a file in TOML, or no file for the defaults' },
} as const

/** The settings that a TOML text makes; the file is named in what is said about it. Throws a Failure, exit 78. */
export function parseSettings(text: string, file: string): Settings {
  const document = parseToml(text, file)
  const result = schema.safeParse(document)
  if (result.success) return result.data
  const placeOf = placeFinder(text)
  throw explain(
    result.error.issues.flatMap(issue => mistakesOf(issue, document, placeOf)),
    text,
    file,
  )
}

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    const mistake = syntaxMistake(error, text)
    throw mistake === undefined ? error : explain([mistake], text, file)
  }
}

/** From TOML files to Settings, or to a Failure that shows every mistake in them. */
import { parse } from 'smol-toml'
import type * as z from 'zod'
import { escapeText } from '../terms/escape.ts'
import { EXIT } from '../terms/failure.ts'
import { isAcross } from './bridge.ts'
import { type Closed, explain, SettingsFailure, type Wrong } from './explain.ts'
import { legacyRemarks } from './legacy.ts'
import { placeFinder } from './locate.ts'
import { merge } from './merge.ts'
import { mistakesOf } from './mistakes.ts'
import { readNeverFiles } from './never-files.ts'
import { schema } from './schema.ts'
import type { Settings } from './settings.ts'
import {
  DEFAULT_FILE,
  type Folders,
  NO_FOLDERS,
  type ReadText,
  readSources,
  type Sources,
  type Unreadable,
} from './sources.ts'
import { syntaxMistake } from './syntax.ts'

/**
 * The settings of the named file, or of the default one, which need not exist, and of the drop-ins beside it. Throws a
 * SettingsFailure, exit 77 or 78.
 */
export function loadSettings(
  path: string | undefined,
  readText: ReadText,
  folders: Folders = NO_FOLDERS,
): Settings {
  return settingsOf(readSources(path, readText, folders), readText, folders)
}

/** The settings that these files make, with what they name in never_files. Throws a SettingsFailure, exit 77 or 78. */
export function settingsOf(
  { sources, remarks }: Sources,
  readText: ReadText,
  folders: Folders = NO_FOLDERS,
): Settings {
  const closed: Closed[] = []
  const texts: Text[] = []
  for (const { file, read, isDropIn } of sources) {
    if ('text' in read) texts.push({ file, text: read.text })
    else if (isDropIn) closed.push(closedDropIn(file, read))
    else throw closedMain(file, read)
  }
  const { settings, parsed } = settingsOfTexts(texts, closed)
  const old = parsed.flatMap(({ file, document }) => legacyRemarks(file, document))
  const owner = folders.inspect(texts[0]?.file ?? DEFAULT_FILE)?.owner
  const never = readNeverFiles(settings.neverFiles.named, readText, folders, owner)
  if (never.wrong.length > 0) throw explain(never.wrong)
  const origin = {
    files: texts.map(({ file }) => file),
    remarks: [...remarks, ...old, ...never.remarks],
  }
  return { ...settings, neverFiles: never.never, origin }
}

/** The settings that a TOML text makes; the file is named in what is said about it. Throws a SettingsFailure, exit 78. */
export function parseSettings(text: string, file: string): Settings {
  return settingsOfTexts([{ file, text }]).settings
}

interface Text {
  readonly file: string
  readonly text: string
}

/** A text whose TOML is sound. */
interface Parsed extends Text {
  readonly document: unknown
}

/** Each text is looked at by itself, since another may hide its mistakes; then what they make together. */
function settingsOfTexts(
  texts: readonly Text[],
  closed: readonly Closed[] = [],
): { readonly settings: Settings; readonly parsed: readonly Parsed[] } {
  const parsed: Parsed[] = []
  const wrong = new Map<string, Wrong>()
  for (const text of texts) {
    const document = parseToml(text)
    if ('mistakes' in document) wrong.set(text.file, document)
    else parsed.push({ ...text, ...document })
  }
  const together = schema.safeParse(parsed.map(({ document }) => document).reduce(merge, {}))
  const across = (together.error?.issues ?? []).filter(isAcross)
  for (const one of parsed) {
    const own = (schema.safeParse(one.document).error?.issues ?? []).filter(issue => !isAcross(issue))
    const issues = [...own, ...across.filter(({ path }) => lastWith(path, parsed) === one)]
    if (issues.length > 0) wrong.set(one.file, wrongBy(issues, one))
  }
  const all = [...texts.flatMap(({ file }) => wrong.get(file) ?? []), ...closed]
  if (all.length > 0 || !together.success) throw explain(all)
  return { settings: together.data, parsed }
}

function parseToml({ file, text }: Text): { readonly document: unknown } | Wrong {
  try {
    return { document: parse(text) }
  } catch (error) {
    const mistake = syntaxMistake(error, text)
    if (mistake === undefined) throw error
    return { file, text, mistakes: [mistake] }
  }
}

/** The document whose value counts. */
function lastWith(path: readonly PropertyKey[], parsed: readonly Parsed[]): Parsed | undefined {
  return parsed.findLast(({ document }) =>
    path.reduce<unknown>(
      (inside, part) => (inside as Record<PropertyKey, unknown> | undefined)?.[part],
      document,
    ),
  )
}

function wrongBy(issues: readonly z.core.$ZodIssue[], { file, text, document }: Parsed): Wrong {
  const placeOf = placeFinder(text)
  return { file, text, mistakes: issues.flatMap(issue => mistakesOf(issue, document, placeOf)) }
}

const HELP = {
  missing: {
    exit: EXIT.settings,
    hint: `name a file that exists, or leave out --settings for ${DEFAULT_FILE}`,
  },
  forbidden: { exit: EXIT.noPermission, hint: 'use sudo, or let this user read the file' },
  other: { exit: EXIT.settings, hint: 'name a file in TOML, or no file for the defaults' },
} as const

function closedMain(file: string, { unreadable, because }: Unreadable): SettingsFailure {
  const { exit, hint } = HELP[unreadable]
  return new SettingsFailure(
    `cannot read the settings file ${escapeText(file)}: ${because}`,
    { exit, hint },
    [{ file, problem: `cannot be read: ${because}`, advice: hint }],
  )
}

function closedDropIn(file: string, { unreadable, because }: Unreadable): Closed {
  const isForbidden = unreadable === 'forbidden'
  return {
    file,
    problem: `cannot be read: ${because}`,
    advice: isForbidden
      ? 'use sudo, or let this user read it: the daemon of the unit is user flypaperd'
      : 'mend it, or take it away',
    exit: isForbidden ? EXIT.noPermission : EXIT.settings,
  }
}

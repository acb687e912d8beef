/** What is wrong with the settings, for people: place, the line itself, a caret, and what to write instead. */
import { escapeText } from '../terms/escape.ts'
import { EXIT, type ExitStatus, Failure } from '../terms/failure.ts'
import { masked } from './masked.ts'

export interface Mistake {
  /** Where in the text it is, counted in UTF-16 units from 0. */
  readonly offset: number
  /** The setting that it is about, where it is about one: `lockout.first`. */
  readonly setting?: string
  readonly problem: string
  readonly advice: string
}

/** A mistake in its file. */
export interface Located extends Omit<Mistake, 'offset'> {
  readonly file: string
  /** Counted from 1, columns in UTF-16 units; undefined for a file that cannot be read. */
  readonly line?: number
  readonly column?: number
}

/** The settings are wrong; `mistakes` says the same for programs. */
export class SettingsFailure extends Failure {
  readonly mistakes: readonly Located[]

  constructor(message: string, details: { exit: ExitStatus; hint?: string }, mistakes: readonly Located[]) {
    super(message, details)
    this.mistakes = mistakes
  }
}

/** More mistakes than this are counted only: a list made by a program can be wrong in each of its entries. */
export const MOST_MISTAKES = 100

/** Longest piece of a line that is shown. */
const MOST_SHOWN = 100

/** A file with what is wrong in it. */
export interface Wrong {
  readonly file: string
  readonly text: string
  readonly mistakes: readonly Mistake[]
}

/** A file that cannot be read at all. */
export interface Closed {
  readonly file: string
  readonly problem: string
  readonly advice: string
  readonly exit: ExitStatus
}

/** The Failure that shows every mistake, file by file, in the order of the text. */
export function explain(files: readonly (Wrong | Closed)[]): SettingsFailure {
  const shown = files.flatMap(one => ('text' in one ? explainText(one) : [explainClosed(one)]))
  const title =
    shown.length === 1
      ? 'there is a mistake in the settings'
      : `there are ${shown.length} mistakes in the settings`
  const blocks = shown.slice(0, MOST_MISTAKES).map(({ block }) => block())
  const more = shown.length > blocks.length ? [`and ${shown.length - blocks.length} more`] : []
  const exits = files.map(one => ('exit' in one ? one.exit : EXIT.settings))
  const exit = exits.every(one => one === EXIT.noPermission) ? EXIT.noPermission : EXIT.settings
  return new SettingsFailure(
    [title, ...blocks, ...more].join('\n'),
    { exit },
    shown.slice(0, MOST_MISTAKES).map(({ located }) => located()),
  )
}

/** Put into words only when it is shown. */
interface Shown {
  readonly block: () => string
  readonly located: () => Located
}

function explainClosed({ file, problem, advice }: Closed): Shown {
  return {
    block: () => `${escapeText(file)}: ${escapeText(problem)}\n  ${escapeText(advice)}`,
    located: () => ({ file, problem, advice }),
  }
}

function explainText({ file, text, mistakes }: Wrong): Shown[] {
  const sorted = [...mistakes].sort((one, other) => one.offset - other.offset)
  return sorted.map(({ offset, ...mistake }) => {
    const place = () => placeOf(text, offset)
    return {
      block: () => explainOne(mistake, file, place()),
      located: () => {
        const { line, column } = place()
        return { file, line, column: column + 1, ...mistake }
      },
    }
  })
}

interface Place {
  readonly line: number
  /** From 0. */
  readonly column: number
  readonly content: string
}

function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset).split(/\r?\n/)
  const start = offset - before.at(-1)!.length
  const [content = ''] = text.slice(start).split(/\r?\n/, 1)
  return { line: before.length, column: offset - start, content: masked(content) }
}

function explainOne(
  { problem, advice }: Omit<Mistake, 'offset'>,
  file: string,
  { line, column, content }: Place,
): string {
  const from = column > MOST_SHOWN / 2 ? column - MOST_SHOWN / 2 : 0
  return [
    `${escapeText(file)}:${line}:${column + 1}: ${escapeText(problem)}`,
    `  ${visible(content.slice(from, from + MOST_SHOWN))}`,
    `  ${' '.repeat([...visible(content.slice(from, column))].length)}^`,
    `  ${escapeText(advice)}`,
  ].join('\n')
}

/** A tab would move the caret, so it becomes a space. */
function visible(piece: string): string {
  return escapeText(piece.replaceAll('\t', ' '))
}

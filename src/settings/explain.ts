/** What is wrong with the settings, for people: place, the line itself, a caret, and what to write instead. */
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'

export interface Mistake {
  /** Where in the text it is, counted in UTF-16 units from 0. */
  readonly offset: number
  readonly problem: string
  readonly advice: string
}

/** More mistakes than this are counted only: a list made by a program can be wrong in each of its entries. */
export const MOST_MISTAKES = 100

/** Longest piece of a line that is shown. */
const MOST_SHOWN = 100

/** The Failure that shows every mistake, in the order of the text. */
export function explain(mistakes: readonly Mistake[], text: string, file: string): Failure {
  const sorted = [...mistakes].sort((one, other) => one.offset - other.offset)
  const title =
    sorted.length === 1
      ? 'there is a mistake in the settings'
      : `there are ${sorted.length} mistakes in the settings`
  const blocks = sorted.slice(0, MOST_MISTAKES).map(mistake => explainOne(mistake, text, file))
  const more = sorted.length > blocks.length ? [`and ${sorted.length - blocks.length} more`] : []
  return new Failure([title, ...blocks, ...more].join('\n'), { exit: EXIT.settings })
}

function explainOne({ offset, problem, advice }: Mistake, text: string, file: string): string {
  const before = text.slice(0, offset).split(/\r?\n/)
  const start = offset - before.at(-1)!.length
  const column = offset - start
  const [line = ''] = text.slice(start).split(/\r?\n/, 1)
  const from = column > MOST_SHOWN / 2 ? column - MOST_SHOWN / 2 : 0
  return [
    `${escapeText(file)}:${before.length}:${column + 1}: ${escapeText(problem)}`,
    `  ${visible(line.slice(from, from + MOST_SHOWN))}`,
    `  ${' '.repeat([...visible(line.slice(from, column))].length)}^`,
    `  ${escapeText(advice)}`,
  ].join('\n')
}

/** A tab would move the caret, so it becomes a space. */
function visible(piece: string): string {
  return escapeText(piece.replaceAll('\t', ' '))
}

import { escapeLines } from '../../terms/escape.ts'

/** Whom a command writes to: a terminal of some width, or a pipe, where programs read. */
export interface Terminal {
  readonly isTerminal: boolean
  /** Infinity on a pipe: nothing is cut or wrapped there. */
  readonly columns: number
  readonly colours: boolean
  /** Whether block characters can be shown. */
  readonly isUnicode: boolean
  /** Whether somebody sees standard error as it comes. */
  readonly showsProgress: boolean
}

/**
 * A colour on its way to the terminal is a noncharacter of Unicode, since whatever leaves the program is stripped of control
 * characters; only the last step, `leaving`, makes the sequence of it (ECMA-48, SGR). Strangers' text has none: escapeText.
 */
const COLOURS = { bold: '\ufdd0', dim: '\ufdd1', red: '\ufdd2', green: '\ufdd3' } as const
const END = '\ufdd4'
const SEQUENCES: ReadonlyMap<string, string> = new Map([
  [COLOURS.bold, '\x1b[1m'],
  [COLOURS.dim, '\x1b[2m'],
  [COLOURS.red, '\x1b[31m'],
  [COLOURS.green, '\x1b[32m'],
  [END, '\x1b[0m'],
])

/** The text in that colour, where colours are shown. */
export function paint(terminal: Terminal, colour: keyof typeof COLOURS, text: string): string {
  return terminal.colours ? `${COLOURS[colour]}${text}${END}` : text
}

/**
 * What a terminal or a pipe is given: every control character but line ends and tabs is escaped, whoever wrote it and
 * whoever forgot to; colours become what a terminal takes.
 */
export function leaving(terminal: Terminal, text: string): string {
  return escapeLines(text, terminal.colours ? SEQUENCES : undefined)
}

/** The text in lines that fit, broken between words; those after the first are indented. */
export function wrap(text: string, columns: number, indent = 0): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const room = columns - (lines.length === 0 ? 0 : indent)
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}

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

const CODES = { bold: 1, dim: 2, red: 31, green: 32 } as const

/** The text in that colour, where colours are shown. */
export function paint(terminal: Terminal, colour: keyof typeof CODES, text: string): string {
  return terminal.colours ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text
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

/** The terminal that standard output is, or is not: the Terminal of surface/cli. */
import { isatty } from 'node:tty'

/** NO_COLOR is a convention, no-color.org; COLUMNS is what a shell may export. */
export function terminalOf(env: Readonly<Record<string, string | undefined>>) {
  const isTerminal = isatty(1)
  const columns = Number(env.COLUMNS) || process.stdout.columns || 80
  return {
    isTerminal,
    columns: isTerminal ? columns : Number.POSITIVE_INFINITY,
    colours: isTerminal && !env.NO_COLOR && env.TERM !== 'dumb',
    isUnicode: /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ''),
    showsProgress: isatty(2),
  }
}

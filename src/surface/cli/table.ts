/** Tables for people. Every cell is escaped here, since strangers write into some of them. */
import { escapeText } from '../../terms/escape.ts'
import { paint, type Terminal } from './terminal.ts'

export interface Column {
  readonly title: string
  /** Where there is no room for all, the column with the highest number goes first; those without stay. */
  readonly spare?: number
  readonly right?: boolean
}

/** Rows whose widths are looked at before the first is printed; and rows that are written at once. */
const PAGE = 500
const GAP = '  '

interface Outlet {
  readonly terminal: Terminal
  print(text: string): void
}

export interface Printer<T> {
  add(row: T): void
  /** Returns how many rows there were. */
  end(): number
}

/** Returns how many rows there were. */
export function printTable(
  columns: readonly Column[],
  rows: Iterable<readonly string[]>,
  outlet: Outlet,
): number {
  const { add, end } = tablePrinter(columns, outlet)
  for (const row of rows) add(row)
  return end()
}

/** Prints the rows as they come, so that a million of them need no memory. */
export function tablePrinter(
  columns: readonly Column[],
  { terminal, print }: Outlet,
): Printer<readonly string[]> {
  let widths: number[] | undefined
  let shown = columns.map((_, i) => i)
  let page: string[][] = []
  let printed = 0

  function flush(): void {
    if (page.length === 0) return
    const lines: string[] = []
    if (widths === undefined) {
      const known = widthsOf(columns, page)
      shown = shownIn(columns, known, terminal.columns)
      widths = known
      const titles = columns.map(({ title }) => title)
      lines.push(paint(terminal, 'bold', lineOf(titles, columns, known, shown)))
    }
    for (const row of page) lines.push(lineOf(row, columns, widths, shown))
    print(lines.join('\n'))
    printed += page.length
    page = []
  }

  return {
    add(row) {
      page.push(row.map(escapeText))
      if (page.length === PAGE) flush()
    },
    end() {
      flush()
      return printed
    },
  }
}

function widthsOf(columns: readonly Column[], page: readonly string[][]): number[] {
  return columns.map(({ title }, i) => Math.max(title.length, ...page.map(row => row[i]!.length)))
}

function shownIn(columns: readonly Column[], widths: readonly number[], room: number): number[] {
  let shown = columns.map((_, i) => i)
  const needed = () => shown.reduce((sum, i) => sum + widths[i]! + GAP.length, -GAP.length)
  const spare = shown
    .filter(i => columns[i]!.spare !== undefined)
    .sort((one, other) => columns[other]!.spare! - columns[one]!.spare!)
  for (const next of spare) if (needed() > room) shown = shown.filter(i => i !== next)
  return shown
}

function lineOf(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
  shown: readonly number[],
): string {
  const padded = shown.map(i =>
    columns[i]!.right ? cells[i]!.padStart(widths[i]!) : cells[i]!.padEnd(widths[i]!),
  )
  return padded.join(GAP).trimEnd()
}

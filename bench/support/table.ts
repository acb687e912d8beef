/** Figures as a table: text for a terminal, and Markdown, which are the same. Pure. */
import { type Figure, isReached, median, ratio, spread, type Wanted } from './figure.ts'

const HEAD = ['', 'flypaperd', 'beside', 'ratio', 'wanted', '']

/** A Markdown table with its columns as wide as their contents. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.flatMap(rowsOf)]
  const widths = HEAD.map((_, column) => Math.max(3, ...rows.map(row => row[column]!.length)))
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  const [head, ...body] = rows
  const rule = `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`
  return [line(head!), rule, ...body.map(line)].join('\n')
}

/** A figure has a row for each that it is compared with; its own value stands in the first. */
function rowsOf(figure: Figure): string[][] {
  const { what, unit, runs, beside = [], wanted } = figure
  const name = unit === '' ? what : `${what} [${unit}]`
  const reached = isReached(figure)
  const verdict = reached === undefined ? '' : reached ? 'reached' : 'not reached'
  const own = shown(runs)
  if (beside.length === 0) return [[name, own, '', '', wantedText(wanted), verdict]]
  return beside.map((other, i) => {
    const isWanted = wanted?.timesOf === other.name || (wanted?.timesOf === undefined && i === 0)
    return [
      i === 0 ? name : '',
      i === 0 ? own : '',
      `${other.name}: ${shown(other.runs)}`,
      ratioText(ratio(runs, other.runs)),
      isWanted ? wantedText(wanted) : '',
      isWanted ? verdict : '',
    ]
  })
}

/** The median, and how far apart the runs are. */
function shown(runs: readonly number[]): string {
  const noise = spread(runs)
  const text = number(median(runs))
  return Number.isNaN(noise) || noise === 0 ? text : `${text} ±${Math.round(noise * 50)} %`
}

function ratioText(value: number): string {
  return Number.isFinite(value) ? `${value.toPrecision(3)}` : '–'
}

function wantedText(wanted: Wanted | undefined): string {
  if (wanted === undefined) return ''
  const { bound, value, timesOf } = wanted
  return `${bound} ${number(value)}${timesOf === undefined ? '' : ' times'}`
}

/** Three digits are as many as such a machine can tell. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/** The document with another text between the markers of this measurement. */
export function replaced(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- measured by npm run bench -- ${name} -->`, `<!-- end of ${name} -->`]
  const from = document.indexOf(begin)
  const to = document.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`the document lacks ${begin} … ${end}`)
  return `${document.slice(0, from + begin.length)}\n${text}\n${document.slice(to)}`
}

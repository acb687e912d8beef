/** A diagnosis for people: question by question, each finding with its weight before it. */
import type { Diagnosis } from '../../doctor/doctor.ts'
import { type Finding, QUESTIONS, type Question, type Severity } from '../../doctor/finding.ts'
import type { Station } from '../../doctor/path.ts'
import { escapeText } from '../../terms/escape.ts'
import { printTable } from './table.ts'
import { paint, type Terminal, wrap } from './terminal.ts'

const TITLES: Readonly<Record<Question, string>> = {
  firewall: 'The firewall that is here',
  place: 'Where the trap sits',
  closed: 'What counts as closed',
  mode: 'Which mode',
  needs: 'What it needs',
  danger: 'Who is in danger',
}
const WORDS: Readonly<Record<Severity, string>> = {
  ok: 'OK',
  note: 'Note',
  careful: 'Careful',
  missing: 'Missing',
}
const COLOURS = { ok: 'green', note: 'bold', careful: 'red', missing: 'red' } as const
const INDENT = 9

interface Output {
  readonly terminal: Terminal
  readonly print: (text: string) => void
}

export function printDiagnosis({ findings, path }: Diagnosis, { terminal, print }: Output): void {
  for (const question of QUESTIONS) {
    if (question !== QUESTIONS[0]) print('')
    print(paint(terminal, 'bold', TITLES[question]))
    if (question === 'place' && path.length > 0) printPath(path, { terminal, print })
    for (const finding of findings) if (finding.about === question) print(textOf(finding, terminal))
  }
}

function printPath(path: readonly Station[], output: Output): void {
  const columns = [
    { title: 'hook' },
    { title: 'priority', right: true },
    { title: 'chain' },
    { title: 'what it does', spare: 1 },
  ]
  const rows = path.map(({ hook, priority, family, table, chain, ours, what }) => [
    hook,
    String(priority),
    ours ? chain : `${family} ${table} ${chain}`,
    what,
  ])
  printTable(columns, rows, output)
}

function textOf({ severity, text, advice }: Finding, terminal: Terminal): string {
  const word = paint(terminal, COLOURS[severity], WORDS[severity].padEnd(INDENT))
  const room = terminal.columns - INDENT
  const lines = [
    wrap(escapeText(text), room),
    ...(advice ?? '').split('\n').map(line => wrap(escapeText(line), room)),
  ]
  return `${word}${lines
    .filter(line => line !== '')
    .join('\n')
    .replaceAll('\n', `\n${' '.repeat(INDENT)}`)}`
}

/** The report for people and as CSV, from the sums of the history. Pure. */
import type { Told } from '../../history/reports.ts'
import { triedText } from '../../log/sentence.ts'
import { escapeText } from '../../terms/escape.ts'
import type { DaemonStatus } from '../control/status-protocol.ts'
import { barChart } from './chart.ts'
import { networkText, PLACED_MAX, type Places } from './geo.ts'
import { printTable } from './table.ts'
import type { Terminal } from './terminal.ts'
import { dateText } from './times.ts'

export interface Report extends Told, Partial<Places> {
  readonly since: number
  readonly until: number
  /** What the kernel could not hand over since the daemon started; undefined without a daemon. */
  readonly overflow: Pick<DaemonStatus['counts'], 'lost' | 'overruns'> | undefined
}

const DAY_MS = 86_400_000

export function printReport(report: Report, terminal: Terminal, print: (text: string) => void): void {
  const table = (title: string, heads: readonly string[], rows: readonly (readonly string[])[]) => {
    if (rows.length === 0) return
    print(`\n${title}`)
    const columns = heads.map((head, i) => ({ title: head, right: i > 0 && i === heads.length - 1 }))
    printTable(
      [{ title: ' ' }, ...columns],
      rows.map(row => ['', ...row]),
      { terminal, print },
    )
  }
  const { lockouts, attackers, attackers6, since, until } = report
  print(`From ${dateText(since)} to ${dateText(until)}:`)
  const share = attackers === 0 ? 0 : Math.round((attackers6 / attackers) * 100)
  print(
    `${many(lockouts, 'lockout')} of ${many(attackers, 'different attacker')}, ${share} % of them by IPv6.`,
  )
  if (attackers > 0) {
    print('\nDifferent attackers a day')
    for (const line of barChart(daysOf(report), terminal)) print(line)
  }
  table(
    'What they tried',
    ['TRIED', 'LOCKOUTS'],
    report.ports.map(({ proto, number, lockouts }) => [portText(proto, number), String(lockouts)]),
  )
  table(
    'Why',
    ['REASON', 'LOCKOUTS'],
    report.reasons.map(({ because, lockouts }) => [because, String(lockouts)]),
  )
  table(
    'Networks that most came from',
    ['NETWORK', 'ATTACKERS'],
    report.networks.map(({ network, attackers }) => [network, String(attackers)]),
  )
  const { countries = [], asNumbers = [], isPart } = report
  const part = isPart ? `, of the newest ${PLACED_MAX.toLocaleString('en')} lockouts` : ''
  table(
    `Countries that most came from${part}`,
    ['COUNTRY', 'ATTACKERS'],
    countries.map(({ country, attackers }) => [country, String(attackers)]),
  )
  table(
    `Autonomous systems that most came from${part}`,
    ['NETWORK', 'ATTACKERS'],
    asNumbers.map(({ attackers, ...place }) => [networkText(place), String(attackers)]),
  )
  table(
    'Repeaters',
    ['SOURCE', 'TIMES'],
    report.repeaters.map(({ source, times }) => [source, String(times)]),
  )
  table(
    'What flies went on to try, of a sample',
    ['TRIED', 'SOURCES'],
    report.alsoTried.map(({ what, sources }) => [whatText(what), String(sources)]),
  )
  table(
    'Spared',
    ['BECAUSE', 'SOURCES', 'PACKETS'],
    report.spared.map(({ because, sources, packets }) => [because, String(sources), String(packets)]),
  )
  if (report.overflow !== undefined) {
    const { lost, overruns } = report.overflow
    print(`\nOverflow since the daemon started: ${many(lost, 'packet')} lost, ${many(overruns, 'overrun')}.`)
  }
}

/** `section,name,value`, one number a line. */
export function reportCsv(report: Report): string {
  const rows: (readonly [string, string, number])[] = [
    ['total', 'lockouts', report.lockouts],
    ['total', 'attackers', report.attackers],
    ['total', 'attackers6', report.attackers6],
    ...daysOf(report).map(([day, attackers]) => ['day', day, attackers] as const),
    ...report.ports.map(({ proto, number, lockouts }) => ['tried', `${proto} ${number}`, lockouts] as const),
    ...report.reasons.map(({ because, lockouts }) => ['reason', because, lockouts] as const),
    ...report.networks.map(({ network, attackers }) => ['network', network, attackers] as const),
    ...(report.countries ?? []).map(({ country, attackers }) => ['country', country, attackers] as const),
    ...(report.asNumbers ?? []).map(({ asn, attackers }) => ['as', String(asn), attackers] as const),
    ...report.repeaters.map(({ source, times }) => ['repeater', source, times] as const),
    ...report.alsoTried.map(({ what, sources }) => ['also-tried', what.replace('/', ' '), sources] as const),
    ...report.spared.map(({ because, packets }) => ['spared', because, packets] as const),
    ...Object.entries(report.overflow ?? {}).map(([name, value]) => ['overflow', name, value] as const),
  ]
  return ['section,name,value', ...rows.map(row => row.map(cell => escapeText(String(cell))).join(','))].join(
    '\n',
  )
}

/** Every day of the time, also those without attackers. */
function daysOf({ days, since, until }: Report): [day: string, attackers: number][] {
  const known = new Map(days.map(({ day, attackers }) => [day, attackers]))
  const all = new Set<string>()
  for (let at = Math.max(since, until - 366 * DAY_MS); at < until; at += DAY_MS)
    all.add(dateText(at).slice(0, 10))
  all.add(dateText(until).slice(0, 10))
  return [...all].map(day => [day, known.get(day) ?? 0])
}

function portText(proto: string, number: number): string {
  const tried = { kind: proto, port: number, type: number, number, from: 0, flags: 0, code: 0 }
  return triedText(tried as unknown as Parameters<typeof triedText>[0])
}

/** As whatOf() writes it. */
function whatText(what: string): string {
  const [proto = '', port] = what.split('/')
  return portText(proto, Number(port))
}

function many(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

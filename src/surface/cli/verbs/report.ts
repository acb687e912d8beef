import type { LockoutRow } from '../../../history/history.ts'
import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { piecesOf } from '../../../terms/pieces.ts'
import { reachDaemon } from '../../control/client.ts'
import { type Places, placesOf } from '../geo.ts'
import { daemonThatReads, geoFor, historyToRead, lockoutsSince } from '../reading.ts'
import { printReport, type Report, reportCsv } from '../report-text.ts'
import { parseMoment } from '../times.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { PAGE } from './list.ts'

export const report: Verb = {
  name: 'report',
  summary: 'attackers a day, what they tried, where from, who came again, who was spared',
  options: [
    JSON_OPTION,
    { flags: '--since <time>', what: 'from then on: 30d (ago), 2026-11-01 (default: 7d)' },
    { flags: '--dry-run', what: 'instead, what a dry run has seen' },
    { flags: '--csv', what: 'as lines of section,name,value' },
  ],
  details: 'Reads the history; works without a daemon too. An attacker is a source, of IPv6 a /64.',
  examples: ['sudo flypaperd report', 'sudo flypaperd report --since 30d --csv'],
  exits: {
    [EXIT.ok]: 'the report, also of nothing',
  },
  async run(call) {
    const { options, system, print } = call
    const found = { ...(await reportOf(call)), ...(await placesIn(call)) }
    if (options.json) {
      const { since, until, ...sums } = found
      const iso = (ms: number) => new Date(ms).toISOString()
      print(jsonText({ since: iso(since), until: iso(until), ...sums }))
    } else if (options.csv) print(reportCsv(found))
    else printReport(found, system.terminal, print)
    return EXIT.ok
  },
}

async function reportOf(call: Call): Promise<Report> {
  const { system, options } = call
  const now = system.now()
  const since = parseMoment(String(options.since ?? '7d'), now)
  const dryRun = options.dryRun === true
  const daemon = await daemonThatReads(call, dryRun)
  if (daemon !== undefined) {
    const { since: from, until, ...told } = await daemon.report({ since })
    return { ...(told as Pick<Report, keyof typeof told>), since: Date.parse(from), until: Date.parse(until) }
  }
  using history = await historyToRead(call, dryRun)
  const status = await (await reachDaemon(system.socket, 'status'))?.status()
  // Of another daemon than the history's they would say nothing.
  const counts = status?.dryRun === dryRun ? status.counts : undefined
  const overflow = counts && { lost: counts.lost, overruns: counts.overruns }
  return { ...history.sums(since), since, until: now, overflow }
}

/** Nothing where the settings name no database. */
async function placesIn(call: Call): Promise<Partial<Places>> {
  const geo = await geoFor(call)
  if (geo === undefined) return {}
  const { system, options } = call
  const now = system.now()
  const since = parseMoment(String(options.since ?? '7d'), now)
  const dryRun = options.dryRun === true
  const daemon = await daemonThatReads(call, dryRun)
  if (daemon !== undefined) return await placesOf(geo, lockoutsSince(daemon, since))
  using history = await historyToRead(call, dryRun)
  async function* pages(): AsyncGenerator<readonly LockoutRow[]> {
    for (const past of [false, true]) yield* piecesOf(history.select({ since, past }, now, 'since'), PAGE)
  }
  return await placesOf(geo, pages())
}

import { lockoutFacts } from '../../../log/sentence.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { piecesOf } from '../../../terms/pieces.ts'
import { prefixesOf } from '../../control/freeing.ts'
import { ABUSE_FORMATS, abuseReport, scansIn } from '../abuse-reports.ts'
import { Flies } from '../answers.ts'
import { FILTER_OPTIONS, filterOf, limitOf, oneOf } from '../filter.ts'
import { historyToRead } from '../reading.ts'
import type { Verb } from '../verb.ts'
import { whoIs } from '../who.ts'
import { jsonPrinter, PAGE } from './list.ts'

export const exportFlies: Verb = {
  name: 'export',
  summary: 'print the flies for another machine or program, an address or prefix a line',
  args: '[who...]',
  options: [
    { flags: '--json', what: 'as JSON, with the time that each has left' },
    {
      flags: '--format <name>',
      what: `for those who collect reports: ${ABUSE_FORMATS.join(', ')}; only who tried several TCP ports, and nothing of this machine`,
    },
    ...FILTER_OPTIONS,
    { flags: '--limit <number>', what: 'not more than these (default: all)' },
  ],
  details: 'All conditions must hold. `flypaperd import` takes both forms.',
  examples: [
    'sudo flypaperd export > flies.txt',
    'sudo flypaperd export --json > flies.json',
    'sudo flypaperd export --proto tcp --since 1d',
    'sudo flypaperd export --format abuseipdb --since 1d > report.csv',
  ],
  answer: Flies,
  exits: {
    [EXIT.ok]: 'the list, which may be empty',
    [EXIT.no]: 'a host name has no address',
  },
  async run(call) {
    const { system, options, print } = call
    const within = call.args.length === 0 ? undefined : prefixesOf(await whoIs(call))
    const limit = limitOf(String(options.limit ?? 'all'))
    const format =
      options.format === undefined ? undefined : oneOf('--format', ABUSE_FORMATS, String(options.format))
    if (format !== undefined && options.json)
      throw new Failure('--json and --format exclude each other', { exit: EXIT.usage })
    using history = await historyToRead(call)
    const rows = first(history.select({ ...filterOf(call), within }, system.now()), limit)
    if (format !== undefined)
      for (const page of piecesOf(abuseReport(format, scansIn(rows)), PAGE)) print(page.join('\n'))
    else if (options.json) {
      const out = jsonPrinter(print, lockoutFacts)
      for (const row of rows) out.add(row)
      out.end()
    } else for (const page of piecesOf(rows, PAGE)) print(page.map(({ source }) => source).join('\n'))
    return EXIT.ok
  },
}

/** The first rows. */
function* first<T>(rows: Iterable<T>, limit: number): Iterable<T> {
  let taken = 0
  for (const row of rows) {
    if (taken++ >= limit) return
    yield row
  }
}

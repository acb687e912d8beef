import type { LockoutRow } from '../../../history/history.ts'
import { SORTS } from '../../../history/selection.ts'
import { heldNow } from '../../../lockout/hold.ts'
import { lockoutFacts, triedText } from '../../../log/sentence.ts'
import type { Prefix } from '../../../terms/address.ts'
import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { piecesOf } from '../../../terms/pieces.ts'
import { prefixesOf } from '../../control/freeing.ts'
import { type Reachable, reachableBy, reachableByAll, reachableOf, reachablePorts } from '../../reachable.ts'
import { Flies } from '../answers.ts'
import { FILTER_OPTIONS, filterOf, limitOf, oneOf } from '../filter.ts'
import { historyToRead } from '../reading.ts'
import { printTable } from '../table.ts'
import { wrap } from '../terminal.ts'
import { endText, pastText } from '../times.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'
import { whoIs } from '../who.ts'

/** Flies that a terminal is shown, unless told: nobody reads more. */
const SHOWN = 1000

export const list: Verb = {
  name: 'list',
  summary: 'the flies, newest first: who, since when, for how much longer, and what they tried',
  args: '[who...]',
  options: [
    JSON_OPTION,
    ...FILTER_OPTIONS,
    { flags: '--sort <column>', what: `by ${SORTS.join(', ')} (default: since)` },
    {
      flags: '--limit <number>',
      what: `not more than these, or all (default: ${SHOWN} on a terminal, else all)`,
    },
    { flags: '--all', what: 'all of them, however many: the same as --limit all' },
    { flags: '--dry-run', what: 'instead, whom a dry run would have locked out' },
    { flags: '--held', what: 'instead, who is held by the kernel and not (yet) locked out' },
  ],
  details:
    'WHO is an address, a prefix or a host name; all conditions must hold. On a terminal times are relative, on a pipe they are dates.',
  examples: [
    'sudo flypaperd list',
    'sudo flypaperd list --json',
    'sudo flypaperd list --port 22 --since 2h',
    'sudo flypaperd list 198.51.100.0/24 --sort times --limit 20',
    'sudo flypaperd list --held',
  ],
  answer: Flies,
  exits: {
    [EXIT.ok]: 'the list, which may be empty',
    [EXIT.no]: 'a host name has no address',
  },
  async run(call) {
    const within = call.args.length === 0 ? undefined : prefixesOf(await whoIs(call))
    if (call.options.held) await listHeld(call, within)
    else await listFlies(call, within)
    return EXIT.ok
  },
}

async function listFlies(call: Call, within: readonly Prefix[] | undefined): Promise<void> {
  const { system, options, print } = call
  const { terminal } = system
  using history = await historyToRead(call, options.dryRun === true)
  const now = system.now()
  const sort = oneOf('--sort', SORTS, String(options.sort ?? 'since'))
  const shown = terminal.isTerminal && !options.json ? SHOWN : 'all'
  const limit = limitOf(options.all === true ? 'all' : String(options.limit ?? shown))
  const cut = { more: false }
  const rows = first(history.select({ ...filterOf(call), within }, now, sort), limit, cut)
  const still = options.dryRun ? undefined : stillReachable(call)
  if (options.json) {
    printJson(rows, print, row => ({ ...lockoutFacts(row), ...(still && reachableFact(row, still)) }))
    return
  }
  const columns = [
    { title: 'SOURCE' },
    { title: 'SINCE' },
    { title: terminal.isTerminal ? 'LEFT' : 'UNTIL' },
    { title: 'TIMES', right: true, spare: 1 },
    { title: 'TRIED' },
    { title: 'BECAUSE', spare: 2 },
    { title: 'GRADE', spare: 3 },
  ]
  const cells = (row: LockoutRow) => [
    row.source,
    pastText(row.since, now, terminal),
    endText(row.until, now, terminal),
    String(row.times),
    row.tried === undefined ? '-' : triedText(row.tried),
    becauseText(row),
    row.grade,
  ]
  const printed = printTable(columns, map(rows, cells), { terminal, print })
  if (printed === 0) print('No flies.')
  else tellReachable(call, still)
  if (cut.more) call.warn('There are more: --all shows them.')
}

function stillReachable({ system, usableSettings }: Call): Reachable {
  return reachableOf(usableSettings().settings, system.surroundings.doors)
}

/** Where a person reads the table: on a pipe a program does. */
function tellReachable({ system, print }: Call, still: Reachable | undefined): void {
  const text = still && reachableByAll(still)
  if (text !== undefined && system.terminal.isTerminal)
    print(wrap(`Still reachable for them: ${text}.`, system.terminal.columns))
}

function reachableFact(who: Parameters<typeof reachableBy>[0], still: Reachable) {
  const ports = reachablePorts(reachableBy(who, still))
  return ports.length > 0 ? { reachable: ports } : {}
}

function becauseText({ because, by, note }: LockoutRow): string {
  return `${because}${by === undefined ? '' : `, ${by}`}${note === undefined ? '' : `: ${note}`}`
}

async function listHeld(call: Call, within?: readonly Prefix[]): Promise<void> {
  const { system, options, print } = call
  using firewall = system.openFirewall()
  using history = await historyToRead(call)
  const now = system.now()
  const held = (await heldNow(firewall, within)).filter(
    ({ source }) => history.find(source, now) === undefined,
  )
  const rows = held.map(({ source, seconds }) => [source, `${seconds ?? '?'}s`])
  const columns = [{ title: 'SOURCE' }, { title: 'LEFT' }]
  const still = stillReachable(call)
  if (options.json) print(jsonText(held.map(one => ({ ...one, ...reachableFact({}, still) }))))
  else if (printTable(columns, rows, { terminal: system.terminal, print }) === 0) print('Nobody is held.')
  else tellReachable(call, still)
}

/** Flies that are written at once. */
export const PAGE = 500

/** One array, a line a fly, written as it is read. */
export function printJson(
  rows: Iterable<LockoutRow>,
  print: (text: string) => void,
  factsOf: (row: LockoutRow) => object = lockoutFacts,
): void {
  let before: string | undefined
  for (const page of piecesOf(rows, PAGE)) {
    print(before === undefined ? '[' : `${before},`)
    before = page.map(row => jsonText(factsOf(row))).join(',\n')
  }
  print(before === undefined ? '[]' : `${before}\n]`)
}

/** The first rows; `cut` learns whether there are more. */
export function* first<T>(rows: Iterable<T>, limit: number, cut = { more: false }): Iterable<T> {
  let taken = 0
  for (const row of rows) {
    cut.more = taken++ >= limit
    if (cut.more) return
    yield row
  }
}

function* map<T, R>(rows: Iterable<T>, make: (row: T) => R): Iterable<R> {
  for (const row of rows) yield make(row)
}

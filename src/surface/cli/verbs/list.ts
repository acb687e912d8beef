import type { LockoutRow } from '../../../history/history.ts'
import { SORTS } from '../../../history/selection.ts'
import { heldNow } from '../../../lockout/hold.ts'
import { triedText } from '../../../log/sentence.ts'
import type { Prefix } from '../../../terms/address.ts'
import { jsonText } from '../../../terms/escape.ts'
import { EXIT } from '../../../terms/failure.ts'
import { piecesOf } from '../../../terms/pieces.ts'
import { prefixesOf } from '../../control/freeing.ts'
import { factsOfFly, factsOfRow, reachableFact } from '../../lockout-facts.ts'
import { type Reachable, reachableByAll, reachableOf } from '../../reachable.ts'
import { Flies } from '../answers.ts'
import { FILTER_OPTIONS, LIST_OPTIONS, limitOf, listFilterOf, oneOf } from '../filter.ts'
import { type Geo, networkText } from '../geo.ts'
import { daemonThatReads, geoFor, historyToRead, toldBy } from '../reading.ts'
import { type Column, type Printer, printTable, tablePrinter } from '../table.ts'
import { type Terminal, wrap } from '../terminal.ts'
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
    ...LIST_OPTIONS,
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
    'WHO is an address, a prefix or a host name; all conditions must hold. On a terminal times are relative, on a pipe they are dates. To find whoever may be innocent, look for what can be forged in the name of somebody whom we know: --grade forgeable-known. Members of the group flypaperd-watch need no root, but for --held.',
  examples: [
    'sudo flypaperd list',
    'sudo flypaperd list --json',
    'sudo flypaperd list --port 22 --since 2h',
    'sudo flypaperd list 198.51.100.0/24 --sort times --limit 20',
    'sudo flypaperd list --held',
    'sudo flypaperd list --past --since 8h --ended freed',
    'sudo flypaperd list --past --grade forgeable-known',
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
  const filter = { ...listFilterOf(call), within }
  const sort = oneOf('--sort', SORTS, String(options.sort ?? 'since'))
  const shown = terminal.isTerminal && !options.json ? SHOWN : 'all'
  const limit = limitOf(options.all === true ? 'all' : String(options.limit ?? shown))
  const daemon = await daemonThatReads(call, options.dryRun === true)
  using history = daemon === undefined ? await historyToRead(call, options.dryRun === true) : undefined
  const now = system.now()
  const pages =
    daemon === undefined
      ? piecesOf(history!.select(filter, now, sort), PAGE)
      : toldBy(daemon, filter, sort, limit + 1)
  const still =
    options.dryRun || filter.past ? undefined : ((await daemon?.status())?.reachable ?? stillReachable(call))
  const factsOf = still === undefined ? factsOfRow : (row: LockoutRow) => factsOfFly(row, still)
  const geo = await geoFor(call)
  const placed = (row: LockoutRow) => ({ ...factsOf(row), ...geo?.of(row.source) })
  const columns = [...(filter.past ? PAST : PRESENT), ...placeCells(geo)]
  const out = options.json ? jsonPrinter(print, placed) : tableOf(columns, call, now)
  let room = limit
  let isMore = false
  for await (const page of pages) {
    for (const row of page.slice(0, room)) out.add(row)
    isMore = page.length > room
    room -= Math.min(room, page.length)
    if (isMore) break
  }
  const printed = out.end()
  if (options.json) return
  if (printed === 0) print(filter.past ? 'No lockouts.' : 'No flies.')
  else tellReachable(call, still)
  if (isMore) call.warn('There are more: --all shows them.')
}

type Cell = Column & { of(row: LockoutRow, now: number, terminal: Terminal): string }

const PRESENT: readonly Cell[] = cells({ title: 'LEFT', of: ({ until }, ...at) => endText(until, ...at) })
const PAST: readonly Cell[] = cells(
  { title: 'ENDED', of: (row, ...at) => pastText(endedAt(row), ...at) },
  {
    title: 'HOW',
    spare: 4,
    of: ({ released }) => (released ? `${released.because}, ${released.by}` : 'over'),
  },
)

function placeCells(geo: Geo | undefined): readonly Cell[] {
  if (geo === undefined) return []
  const country: Cell = { title: 'COUNTRY', spare: 6, of: ({ source }) => geo.of(source).country ?? '-' }
  const network: Cell = { title: 'NETWORK', spare: 7, of: ({ source }) => networkText(geo.of(source)) || '-' }
  return [...(geo.hasCountry ? [country] : []), ...(geo.hasNetwork ? [network] : [])]
}

function cells(...ends: readonly Cell[]): Cell[] {
  return [
    { title: 'SOURCE', of: ({ source }) => source },
    { title: 'SINCE', of: ({ since }, ...at) => pastText(since, ...at) },
    ...ends,
    { title: 'TIMES', right: true, spare: 1, of: ({ times }) => String(times) },
    { title: 'TRIED', of: ({ tried }) => (tried === undefined ? '-' : triedText(tried)) },
    { title: 'BECAUSE', spare: 2, of: becauseText },
    { title: 'GRADE', spare: 3, of: ({ grade }) => grade },
  ]
}

function tableOf(cells: readonly Cell[], { system, print }: Call, now: number): Printer<LockoutRow> {
  const { terminal } = system
  // What is left is told on a terminal, on a pipe until when.
  const columns = cells.map(cell =>
    cell.title === 'LEFT' && !terminal.isTerminal ? { ...cell, title: 'UNTIL' } : cell,
  )
  const { add, end } = tablePrinter(columns, { terminal, print })
  return { add: row => add(cells.map(({ of }) => of(row, now, terminal))), end }
}

function endedAt({ released, until }: LockoutRow): number {
  return released?.at ?? Number(until)
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

function becauseText({ because, by, note }: LockoutRow): string {
  const whose = because === 'testimony' ? ' of ' : ', '
  return `${because}${by === undefined ? '' : `${whose}${by}`}${note === undefined ? '' : `: ${note}`}`
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
export function jsonPrinter(
  print: (text: string) => void,
  factsOf: (row: LockoutRow) => object,
): Printer<LockoutRow> {
  let page: string[] = []
  let before: string | undefined
  let printed = 0
  function flush(): void {
    print(before === undefined ? '[' : `${before},`)
    before = page.join(',\n')
    page = []
  }
  return {
    add(row) {
      printed++
      page.push(jsonText(factsOf(row)))
      if (page.length === PAGE) flush()
    },
    end() {
      if (page.length > 0) flush()
      print(before === undefined ? '[]' : `${before}\n]`)
      return printed
    },
  }
}

/**
 * nftables in process: rulesets as text, elements as JSON, listings as typed objects.
 *
 * Two rules keep strangers' words out of the nft grammar: text goes in only through `load` and `check`, for
 * rulesets that the caller generated himself; everything else is JSON made here from checked objects.
 * One context does one thing at a time: libnftables is not thread-safe.
 */
import * as z from 'zod'
import { type Command, Family, SetId, transactionOf } from './command.ts'
import { errorFrom, NftablesError } from './error.ts'
import { type Mode, OUTPUT, type Outcome, openContext } from './libnftables.ts'
import {
  elementsOf,
  type Listed,
  type ListedElement,
  type Listing,
  mapElementsOf,
  parseListing,
} from './listed.ts'

export interface Nftables extends Disposable {
  /** Version of libnftables, from the last listing; asks for one if there was none. Undefined without permission. */
  readonly version: string | undefined
  /** Loads a ruleset in nft's language, as one transaction. The text must be the caller's own, never a stranger's. */
  load(ruleset: string): void
  /** The same up to the commit: whether the kernel would take it, without changing anything. */
  check(ruleset: string): void
  /** Runs commands as one transaction: all or nothing. Blocks some milliseconds for 1,000 elements. */
  run(commands: readonly Command[]): void
  /** The same on a worker thread, after whatever is running on this context; for more than about 1,000 elements. */
  runAsync(commands: readonly Command[]): Promise<void>
  /**
   * Whether libnftables may be asked to list a table that has a flag (`dormant`, `owner`). 1.0.6 and older free the text of the flag
   * before they print it (fixed in 1.0.7): what they print then is cut off or wrong, or they end the process. There
   * listTable, and listRuleset for the families of such tables, are not to be called; listChain is.
   */
  readonly listsFlaggedTables: boolean
  /** Tables, chains, sets, maps and rules of one table, without elements. */
  listTable(family: Family, table: string, options?: ListOptions): readonly Listed[]
  /** One chain and its rules: nothing is said of its table. */
  listChain(family: Family, table: string, chain: string, options?: ListOptions): readonly Listed[]
  /** The same as listTable of all tables, or of those of one family. */
  listRuleset(family?: Family): readonly Listed[]
  /** All elements of one set. Slow by nature: the kernel takes 1 s for 100,000 and 48 s for a million. Keep an index. */
  listElements(family: Family, table: string, set: string): readonly ListedElement[]
  /** All elements of one map: pairs of key and value, as libnftables-json(5) has them. As slow as `listElements`. */
  listMap(family: Family, table: string, map: string): readonly unknown[]
  /** Frees the context, after what is running; what was still waiting is rejected with `closed`. */
  [Symbol.dispose](): void
}

export interface ListOptions {
  /**
   * A family with few tables, none of which has a flag; arp unless told, null when there is none. libnftables 1.0.6 fetches all elements of
   * the sets of a table even when it prints none, unless it also lists a ruleset in the same run: that of this family.
   */
  readonly quiet?: Family | null | undefined
}

/** The oldest libnftables that may be asked to list a table with a flag. */
const FIXED = [1, 0, 7]
/** What a listing is asked for that is only to tell the version: nearly nobody has any, and no table is printed. */
const NOTHING = { flowtables: null }
const QUIET = 'arp'
/** What others have given names to, nearly whatever the kernel takes: in JSON it is no more than a name. */
const OthersName = z.string().regex(/^[^\p{Cc}]{1,255}$/u, { error: 'not a name' })

const TEXT: Mode = { output: 0 }
const DRY_RUN: Mode = { output: 0, dryRun: true }
// libnftables reads JSON only when it is also to print JSON.
const JSON_WITH_ELEMENTS: Mode = { output: OUTPUT.json | OUTPUT.handle | OUTPUT.numericAll }
const JSON_TERSE: Mode = { output: JSON_WITH_ELEMENTS.output | OUTPUT.terse }

/**
 * Opens libnftables for the network namespace of the calling thread. Errors: `no-library`, and `unsupported`
 * where netlink sockets are not allowed. Needs no permission itself; what is run needs CAP_NET_ADMIN.
 */
export function openNftables({ library = 'libnftables.so.1' }: { library?: string } = {}): Nftables {
  const context = openContext(library)
  let closed = false
  let version: string | undefined
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  function run(text: string, mode: Mode): string {
    if (closed) throw closedError()
    if (waiting > 0)
      throw new NftablesError('in-use', 'an asynchronous transaction is running on this nftables context')
    return outputOf(context.run(text, mode))
  }

  function runText(ruleset: string, mode: Mode): void {
    if (ruleset.includes('\0'))
      throw new NftablesError('invalid', 'a ruleset with a NUL character would be cut short there')
    run(ruleset, mode)
  }

  async function runLater(text: string, before: Promise<unknown>): Promise<void> {
    await before
    if (closed) throw closedError()
    outputOf(await context.runAsync(text, JSON_TERSE))
  }

  function list(what: object, mode: Mode, quiet: Family | null = null): Listing {
    const before = quiet === null ? [] : [{ list: { ruleset: { family: checked(Family, quiet) } } }]
    const output = run(JSON.stringify({ nftables: [...before, { list: what }] }), mode)
    // Each listing is a line.
    const listing = parseListing(output.trimEnd().split('\n').at(-1)!)
    version = listing.version
    return listing
  }

  function versionOf(): string | undefined {
    if (version === undefined && !closed && waiting === 0) tolerate(() => list(NOTHING, JSON_TERSE))
    return version
  }

  return {
    get version() {
      return versionOf()
    },
    get listsFlaggedTables() {
      return !isOlder(versionOf() ?? '', FIXED)
    },
    load: ruleset => runText(ruleset, TEXT),
    check: ruleset => runText(ruleset, DRY_RUN),
    run: commands => void run(transactionOf(commands), JSON_TERSE),
    async runAsync(commands) {
      if (closed) throw closedError()
      const job = runLater(transactionOf(commands), last)
      waiting++
      last = job.catch(() => {}).finally(() => waiting--)
      return job
    },
    listTable(family, table, { quiet = QUIET } = {}) {
      const what = { table: { family: checked(Family, family), name: checked(OthersName, table) } }
      return list(what, JSON_TERSE, quiet).objects
    },
    listChain(family, table, chain, { quiet = QUIET } = {}) {
      const name = checked(OthersName, chain)
      const what = { chain: { family: checked(Family, family), table: checked(OthersName, table), name } }
      return list(what, JSON_TERSE, quiet).objects
    },
    listRuleset(family) {
      const what = family === undefined ? null : { family: checked(Family, family) }
      return list({ ruleset: what }, JSON_TERSE).objects
    },
    listElements(family, table, set) {
      return elementsOf(list({ set: checked(SetId, { family, table, name: set }) }, JSON_WITH_ELEMENTS))
    },
    listMap(family, table, map) {
      return mapElementsOf(list({ map: checked(SetId, { family, table, name: map }) }, JSON_WITH_ELEMENTS))
    },
    [Symbol.dispose]() {
      if (closed) return
      closed = true
      if (waiting === 0) context.free()
      else void last.then(() => context.free())
    },
  }
}

/** Compares the numbers of versions. */
function isOlder(version: string, wanted: readonly number[]): boolean {
  const numbers = [...version.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  for (const [i, number] of wanted.entries()) {
    const difference = (numbers[i] ?? 0) - number
    if (difference !== 0) return difference < 0
  }
  return false
}

function outputOf(outcome: Outcome): string {
  if (outcome.failed) throw errorFrom(outcome.error)
  return outcome.output
}

function closedError(): NftablesError {
  return new NftablesError('closed', 'this nftables context was released')
}

function tolerate(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    if (!(error instanceof NftablesError)) throw error
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (!result.success)
    throw new NftablesError('invalid', z.prettifyError(result.error), { cause: result.error })
  return result.data
}

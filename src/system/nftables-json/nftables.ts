/**
 * nftables in process: rulesets as text, elements as JSON, listings as typed objects.
 *
 * Two rules keep strangers' words out of the nft grammar: text goes in only through `load` and `check`, for
 * rulesets that the caller generated himself; everything else is JSON made here from checked objects.
 * One context does one thing at a time: libnftables is not thread-safe.
 */
import * as z from 'zod'
import { type Command, Family, Name, SetId, transactionOf } from './command.ts'
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
  /** Tables, chains, sets, maps and rules of one table, without elements. */
  listTable(family: Family, table: string): readonly Listed[]
  /** The same of all tables. */
  listRuleset(): readonly Listed[]
  /** All elements of one set. Slow by nature: the kernel takes 1 s for 100,000 and 48 s for a million. Keep an index. */
  listElements(family: Family, table: string, set: string): readonly ListedElement[]
  /** All elements of one map: pairs of key and value, as libnftables-json(5) has them. As slow as `listElements`. */
  listMap(family: Family, table: string, map: string): readonly unknown[]
  /** Frees the context, after what is running; what was still waiting is rejected with `closed`. */
  [Symbol.dispose](): void
}

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

  function list(what: object, mode: Mode): Listing {
    const listing = parseListing(run(JSON.stringify({ nftables: [{ list: what }] }), mode))
    version = listing.version
    return listing
  }

  return {
    get version() {
      if (version === undefined && !closed && waiting === 0)
        tolerate(() => list({ tables: null }, JSON_TERSE))
      return version
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
    listTable(family, table) {
      checked(Family, family)
      checked(Name, table)
      // Not `list table`: that one fetches all elements even when it does not print them (1.0.6).
      const { objects } = list({ ruleset: { family } }, JSON_TERSE)
      const inTable = objects.filter(
        object => (object.kind === 'table' ? object.name : object.table) === table,
      )
      if (inTable.length > 0) return inTable
      throw new NftablesError('missing', `No such table: ${family} ${table}`)
    },
    listRuleset: () => list({ ruleset: null }, JSON_TERSE).objects,
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

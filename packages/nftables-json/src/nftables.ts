/**
 * nftables in process: rulesets as text, elements as JSON, listings as typed objects.
 *
 * Two rules keep strangers' words out of the nft grammar: text goes in only through `load` and `check`, for
 * rulesets that the caller generated himself; everything else is JSON made here from checked objects.
 * One context does one thing at a time: libnftables is not thread-safe.
 */
import * as z from 'zod'
import { type Command, type CommandOptions, SetId, transactionOf } from './command.ts'
import { NftablesError } from './error.ts'
import { type Mode, OUTPUT } from './libnftables.ts'
import {
  elementsOf,
  type Listed,
  type ListedElement,
  type Listing,
  mapElementsOf,
  parseListing,
} from './listed.ts'
import { Family } from './scalars.ts'
import { openSession, type Session } from './session.ts'
import { Resettable, Target } from './target.ts'

export interface Nftables extends Disposable {
  /** Version of libnftables, from the last listing; asks for one if there was none. Undefined without permission. */
  readonly version: string | undefined
  /**
   * Loads a ruleset in nft's language, as one transaction. The text must be the caller's own, never a stranger's. Of what is refused, the error's
   * `at` tells where it is: what libnftables says of a text is only the column, so that the text is then tried again as a file, without being carried out.
   */
  load(ruleset: string): void
  /** The same on a worker thread, after whatever is running on this context. */
  loadAsync(ruleset: string): Promise<void>
  /** The same up to the commit: whether the kernel would take it, without changing anything. */
  check(ruleset: string): void
  /** Runs commands as one transaction: all or nothing. Blocks some milliseconds for 1,000 elements. */
  run(commands: readonly Command[], options?: RunOptions): void
  /** The same on a worker thread, after whatever is running on this context; for more than about 1,000 elements. */
  runAsync(commands: readonly Command[], options?: RunOptions): Promise<void>
  /**
   * Which of these commands is the first that is refused where those before it were carried out, and why; undefined when none is. By dry runs of their beginnings,
   * as many as the number has binary digits: nothing is changed. libnftables itself does not tell.
   */
  firstRefused(commands: readonly Command[], options?: CommandOptions): Refusal | undefined
  /** Lists what is asked for: `{ ruleset: null }`, `{ counter: { family, table, name } }`, `{ sets: { family } }` … Without elements, unless told. */
  list(what: Target, options?: ElementOptions): readonly Listed[]
  /** The same on a worker thread: a large set takes the kernel seconds. Only the parsing, some µs an element, is done here. */
  listAsync(what: Target, options?: ElementOptions): Promise<readonly Listed[]>
  /** Counters and quotas as they are, and zero from then on. */
  reset(what: Resettable): readonly Listed[]
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

export interface RunOptions extends CommandOptions {
  /** Asks the kernel whether it would take all of it, and changes nothing. */
  readonly dryRun?: boolean
}

export interface ElementOptions {
  /** With the elements of sets and maps. */
  readonly elements?: boolean
}

export interface Refusal {
  /** Of the command, from 0 on. */
  readonly index: number
  readonly command: Command
  readonly error: NftablesError
}

/** The oldest libnftables that may be asked to list a table with a flag. */
const FIXED = [1, 0, 7]
/** What a listing is asked for that is only to tell the version: nearly nobody has any, and no table is printed. */
const NOTHING = { flowtables: null }
const QUIET = 'arp'
const TEXT: Mode = { output: 0 }
const DRY_RUN: Mode = { output: 0, dryRun: true }
// libnftables reads JSON only when it is also to print JSON.
const JSON_WITH_ELEMENTS: Mode = { output: OUTPUT.json | OUTPUT.handle | OUTPUT.numericAll }
const JSON_TERSE: Mode = { output: JSON_WITH_ELEMENTS.output | OUTPUT.terse }
const modeOf = ({ dryRun = false }: RunOptions = {}): Mode => ({ ...JSON_TERSE, dryRun })
const listingMode = ({ elements = false }: ElementOptions = {}): Mode =>
  elements ? JSON_WITH_ELEMENTS : JSON_TERSE

/**
 * Opens libnftables for the network namespace of the calling thread. Errors: `no-library`, and `unsupported`
 * where netlink sockets are not allowed. Needs no permission itself; what is run needs CAP_NET_ADMIN.
 */
export function openNftables({ library = 'libnftables.so.1' }: { library?: string } = {}): Nftables {
  const session = openSession(library)
  let version: string | undefined

  /** Throws the error of the text with its place, where a file tells one. */
  function withPlace(ruleset: string, error: unknown): never {
    if (!(error instanceof NftablesError) || session.closed || session.busy) throw error
    const again = session.errorOfFile(ruleset)
    if (again?.at === undefined || again.reason !== error.reason) throw error
    throw new NftablesError(error.code, error.text, { at: again.at, cause: again })
  }

  function runText(ruleset: string, mode: Mode): void {
    try {
      session.run(wholeText(ruleset), mode)
    } catch (error) {
      withPlace(ruleset, error)
    }
  }

  function read(output: string): Listing {
    // Each listing is a line.
    const listing = parseListing(output.trimEnd().split('\n').at(-1)!)
    version = listing.version
    return listing
  }

  function list(what: object, mode: Mode, quiet: Family | null = null): Listing {
    const before = quiet === null ? [] : [{ list: { ruleset: { family: checked(Family, quiet) } } }]
    return read(session.run(asked(...before, { list: what }), mode))
  }

  function versionOf(): string | undefined {
    if (version === undefined && !session.closed && !session.busy) tolerate(() => list(NOTHING, JSON_TERSE))
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
    async loadAsync(ruleset) {
      session.refuseClosed()
      await session.runAsync(wholeText(ruleset), TEXT).catch(error => withPlace(ruleset, error))
    },
    check: ruleset => runText(ruleset, DRY_RUN),
    run: (commands, options) => void session.run(transactionOf(commands, options), modeOf(options)),
    async runAsync(commands, options) {
      session.refuseClosed()
      await session.runAsync(transactionOf(commands, options), modeOf(options))
    },
    firstRefused: (commands, options) => firstRefused(session, commands, options),
    list: (what, options) => list(checked(Target, what), listingMode(options)).objects,
    async listAsync(what, options) {
      session.refuseClosed()
      const output = session.runAsync(asked({ list: checked(Target, what) }), listingMode(options))
      return read(await output).objects
    },
    reset: what => read(session.run(asked({ reset: checked(Resettable, what) }), JSON_WITH_ELEMENTS)).objects,
    listTable(family, table, { quiet = QUIET } = {}) {
      return list(checked(Target, { table: { family, name: table } }), JSON_TERSE, quiet).objects
    },
    listChain(family, table, chain, { quiet = QUIET } = {}) {
      return list(checked(Target, { chain: { family, table, name: chain } }), JSON_TERSE, quiet).objects
    },
    listRuleset(family) {
      return list(checked(Target, { ruleset: family === undefined ? null : { family } }), JSON_TERSE).objects
    },
    listElements(family, table, set) {
      return elementsOf(list({ set: checked(SetId, { family, table, name: set }) }, JSON_WITH_ELEMENTS))
    },
    listMap(family, table, map) {
      return mapElementsOf(list({ map: checked(SetId, { family, table, name: map }) }, JSON_WITH_ELEMENTS))
    },
    [Symbol.dispose]: () => session[Symbol.dispose](),
  }
}

/** Of those that a beginning of the commands is refused with, the shortest: each longer one is refused, too. */
function firstRefused(
  session: Session,
  commands: readonly Command[],
  options?: CommandOptions,
): Refusal | undefined {
  const refused = (count: number): NftablesError | undefined => {
    const text = transactionOf(commands.slice(0, count), options)
    return tolerate(() => session.run(text, modeOf({ dryRun: true })))
  }
  let error = refused(commands.length)
  if (error === undefined) return undefined
  let [taken, tooMany] = [0, commands.length]
  while (tooMany - taken > 1) {
    const middle = (taken + tooMany) >> 1
    const because = refused(middle)
    if (because === undefined) taken = middle
    else [tooMany, error] = [middle, because]
  }
  return { index: tooMany - 1, command: commands[tooMany - 1]!, error }
}

function wholeText(ruleset: string): string {
  if (!ruleset.includes('\0')) return ruleset
  throw new NftablesError('invalid', 'a ruleset with a NUL character would be cut short there')
}

function asked(...commands: readonly object[]): string {
  return JSON.stringify({ nftables: commands })
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

/** Its error, if libnftables refused. */
function tolerate(action: () => unknown): NftablesError | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof NftablesError && error.code !== 'closed' && error.code !== 'in-use') return error
    throw error
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (!result.success)
    throw new NftablesError('invalid', z.prettifyError(result.error), { cause: result.error })
  return result.data
}

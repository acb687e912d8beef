/** What `nft list` writes, taken apart by tables and sets. Pure. */
import { isOurs } from '../arm/names.ts'

export interface ListedTable {
  readonly family: string
  readonly name: string
  /** From `table` to its closing brace. */
  readonly text: string
}

const TABLE = /^table (\w+) (.+) \{\n(?:.*\n)*?\}$/gm
const SET = /^\t(set|map) (.+) \{\n(?:.*\n)*?\t\}$/gm
/** What libxtables says of an expression that nft has no words for. */
const XTABLES = /\bxt (?:match|target) /
const COMMENT = /comment "[^"]*"/g
const PART = /^\t\S.* \{\n(?:.*\n)*?\t\}$/gm
/** iptables makes all chains of a table at once. */
const EMPTY_CHAIN = /^\tchain .+ \{\n(?:\t\ttype .*policy accept;\n)?\t\}\n\n?/gm

export function tablesIn(listing: string): ListedTable[] {
  return [...listing.matchAll(TABLE)].map(([text, family, name]) => ({ family: family!, name: name!, text }))
}

/** Rules that iptables alone can read and write. */
export function isOfXtables({ text }: ListedTable): boolean {
  return XTABLES.test(text.replace(COMMENT, ''))
}

/** Sets and maps that have a name, as `nft list` takes it: `set inet filter blocked`. The trap's own are left out: they hold flies by the hundred thousand. */
export function setsIn(listing: string): string[] {
  return tablesIn(listing).flatMap(({ family, name: table, text }) =>
    [...text.matchAll(SET)].flatMap(([, kind, name]) =>
      isOurs(name!) ? [] : `${kind} ${family} ${table} ${name}`,
    ),
  )
}

/**
 * The listing with what is in these sets.
 * @param listings what `nft list` writes of each
 */
export function withElements(listing: string, listings: ReadonlyMap<string, string>): string {
  return listing.replace(TABLE, (text, family, table) =>
    text.replace(SET, (block, kind, name) => {
      const listed = listings.get(`${kind} ${family} ${table} ${name}`) ?? ''
      return listed.match(SET)?.[0] ?? block
    }),
  )
}

export function withoutTables(listing: string, gone: readonly ListedTable[]): string {
  return listing.replace(TABLE, text => (gone.some(table => table.text === text) ? '' : text))
}

/** The first chain, or the like, that both have not alike: its first line. Those without rules do not count, nor does their order. */
export function differenceOf(one: ListedTable, other: ListedTable | undefined): string | undefined {
  const partsOf = (table?: ListedTable) => [...(table?.text.replace(EMPTY_CHAIN, '').match(PART) ?? [])]
  const [parts, others] = [partsOf(one), partsOf(other)]
  const odd = parts.find(part => !others.includes(part)) ?? others.find(part => !parts.includes(part))
  return odd?.split(' {')[0]?.trim()
}

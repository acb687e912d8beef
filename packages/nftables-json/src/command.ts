/**
 * Commands as libnftables-json(5) writes them: what a program does to a living ruleset. libnftables 1.0.6 reads less from JSON than from text: README.md says what.
 *
 * The schemas are strict, and only what they return is turned into text: an unknown property never gets in.
 */
import * as z from 'zod'
import { bareValue, type NewElement } from './element.ts'
import { NftablesError } from './error.ts'
import {
  AnyChain,
  ById,
  ByName,
  ElementsOf,
  NewMap,
  NewSet,
  OBJECTS,
  Renamed,
  ReplacingRule,
  Rule,
  RuleById,
  Table,
  TableById,
} from './objects.ts'
import { Family } from './scalars.ts'
import { type TaggedSchema, tagged } from './tagged.ts'
import { isDeeperThan, wordLookedUp } from './words.ts'

/** A set, or a map. */
export const SetId = ByName
export type SetId = z.infer<typeof SetId>

const CREATED = { element: ElementsOf, chain: AnyChain, set: NewSet, map: NewMap, table: Table, ...OBJECTS }
const DELETED = {
  element: ElementsOf,
  rule: RuleById,
  chain: ById,
  set: ById,
  map: ById,
  table: TableById,
  flowtable: ById,
  counter: ById,
  quota: ById,
  limit: ById,
  'ct helper': ByName,
  'ct timeout': ById,
  'ct expectation': ById,
  secmark: ById,
  synproxy: ById,
}

const ADDED = { ...CREATED, rule: Rule }
const INSERTED = { rule: Rule }
const REPLACED = { rule: ReplacingRule }
const FLUSHED = {
  set: ByName,
  map: ByName,
  meter: ByName,
  chain: ByName,
  table: z.strictObject({ family: Family, name: ByName.shape.name }),
  ruleset: z.union([z.null(), z.strictObject({ family: Family })]),
}
const RENAMED = { chain: Renamed }

type Verbs = {
  add: TaggedSchema<typeof ADDED>
  /** The same, refused where it is there already. */
  create: TaggedSchema<typeof CREATED>
  /** Before the others, or before the rule of that handle or index. */
  insert: TaggedSchema<typeof INSERTED>
  replace: TaggedSchema<typeof REPLACED>
  delete: TaggedSchema<typeof DELETED>
  /** The same, and no error where there is none. Since libnftables 1.0.7 and Linux 6.3. */
  destroy: TaggedSchema<typeof DELETED>
  flush: TaggedSchema<typeof FLUSHED>
  rename: TaggedSchema<typeof RENAMED>
}

/** One command; its one property is the verb, as in libnftables-json(5). */
export const Command: TaggedSchema<Verbs> = tagged({
  add: tagged(ADDED),
  create: tagged(CREATED),
  insert: tagged(INSERTED),
  replace: tagged(REPLACED),
  delete: tagged(DELETED),
  destroy: tagged(DELETED),
  flush: tagged(FLUSHED),
  rename: tagged(RENAMED),
})
export type Command = z.infer<typeof Command>

/** How deep commands may be nested; what nft prints has less than 20. Beyond it both parsers would end on their stacks. */
const DEPTH_MAX = 64

export interface CommandOptions {
  /**
   * Words in elements, and beside addresses, are those of somebody who is trusted: names of interfaces, services, protocols, and what libnftables then
   * looks up as the name of a host. Without it only literals pass there.
   */
  readonly trustWords?: boolean
}

/** The text of one transaction; throws NftablesError `invalid`, which says where, when a command is not one of ours. */
export function transactionOf(
  commands: readonly Command[],
  { trustWords = false }: CommandOptions = {},
): string {
  if (isDeeperThan(commands, DEPTH_MAX)) throw new NftablesError('invalid', `nested deeper than ${DEPTH_MAX}`)
  const checked = z.array(Command).safeParse(commands)
  if (!checked.success)
    throw new NftablesError('invalid', z.prettifyError(checked.error), { cause: checked.error })
  const word = trustWords ? undefined : wordLookedUp(checked.data)
  if (word !== undefined)
    throw new NftablesError(
      'invalid',
      `${JSON.stringify(word)} is not a literal IPv4 or IPv6 address, and libnftables might look it up as a host: trustWords lets it pass`,
    )
  return JSON.stringify({ nftables: checked.data })
}

/**
 * The commands that take elements out of a set, whether or not they are in it, in one transaction: nft
 * refuses to delete what is not there, so it is added first. In a full set that needs room: an element that
 * is not there is then refused with `set-full`. An element that is named twice is deleted once.
 */
export function forget(id: SetId, elements: readonly NewElement[]): Command[] {
  if (elements.length === 0) return []
  const elem = [...new Map(elements.map(bareValue).map(value => [JSON.stringify(value), value])).values()]
  return [{ add: { element: { ...id, elem } } }, { delete: { element: { ...id, elem } } }]
}

/**
 * The commands that put elements into a set with just these attributes, whatever they had before: kernels
 * before 6.12 silently keep the old timeout of an element that is added again.
 */
export function put(id: SetId, elements: readonly NewElement[]): Command[] {
  if (elements.length === 0) return []
  return [...forget(id, elements), { add: { element: { ...id, elem: [...elements] } } }]
}

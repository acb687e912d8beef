/**
 * What is in one table of nf_tables, without the elements of its sets: nothing of other tables is asked for, but for the names of
 * chains, since the kernel lists those of all tables of the family.
 */
import { attributes, numberOf, textOf, within } from './attributes.ts'
import { expressionName, listOf } from './expressions.ts'
import { type Answer, type Asker, GET, NFPROTO, openAsker } from './questions.ts'
import { type ListedRule, readRule, targetIn } from './rule-parse.ts'
import { typesOf } from './set-types.ts'
import { type ListedTable, tableOf } from './tables.ts'

export interface TableContent extends ListedTable {
  readonly chains: readonly ListedChain[]
  readonly sets: readonly ListedSet[]
  readonly rules: readonly ListedRule[]
  /** Counters, quotas, flowtables and the like, by name. */
  readonly objects: readonly string[]
}

export interface ListedChain {
  readonly name: string
  readonly handle: number
  /** Of a base chain: `filter`, `nat`, `route`. */
  readonly type?: string
  readonly hook?: string
  readonly priority?: number
  readonly policy?: 'accept' | 'drop'
  /** Of one at ingress: the names of its devices, in order. */
  readonly devices?: readonly string[]
}

/** Maps as well. */
export interface ListedSet {
  readonly name: string
  readonly handle: number
  /** `ipv4_addr . inet_service` for a concatenation; of types that nft has not named yet the number. */
  readonly type: string
  readonly size: number | undefined
  /** Of an element that says none, in seconds; undefined: it stays. */
  readonly timeout: number | undefined
  /** Seconds between two collections of what is over; undefined: as the kernel likes. */
  readonly gcInterval: number | undefined
  readonly flags: readonly SetFlag[]
  /** Each element counts the packets that meet it. */
  readonly counter: boolean
  /** It has no name of its own: it stands in a rule. */
  readonly isAnonymous: boolean
  readonly isMap: boolean
  /** The chains to which the elements of a verdict map jump or go. */
  readonly targets: readonly string[]
}

/** As nft calls them. */
export type SetFlag = 'constant' | 'interval' | 'timeout' | 'dynamic'

const CHAIN = { table: 1, handle: 2, name: 3, hook: 4, policy: 5, type: 7 }
const HOOK = { number: 1, priority: 2, device: 3, devices: 4 }
/** Of family inet: linux/netfilter.h. */
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress']
const SET = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  dataType: 6,
  description: 9,
  timeout: 11,
  gcInterval: 12,
  handle: 16,
  expression: 17,
  expressions: 18,
}
const DESCRIPTION_SIZE = 1
const SET_FLAG = { anonymous: 1, map: 8, object: 0x40 }
const SET_FLAGS = { constant: 2, interval: 4, timeout: 0x10, dynamic: 0x20 } as const
/** NFT_DATA_VERDICT. */
const VERDICT = 0xffff_ff00
const ELEMENTS = 3
const ELEMENT_DATA = 2
/** The name of the table is the first attribute of everything in it, the name of an object, or a flowtable, the second. */
const TABLE = 1
const OBJECT_NAME = 2
const RULE_CHAIN = 2
const GENERATION_ID = 1
/** What another program has changed meanwhile is read anew so often. */
const ATTEMPTS = 10

/**
 * The table of this name and of family inet, with all rules or those of these chains; undefined where there is none. Throws
 * NetlinkError.
 */
export function readTable(name: string, rulesOf?: readonly string[]): TableContent | undefined {
  using asker = openAsker()
  for (let attempts = 1; ; attempts++) {
    const before = generation(asker)
    const content = contentOf(name, rulesOf, asker)
    const isSettled = !asker.wasDisturbed() && generation(asker) === before
    if (isSettled || attempts === ATTEMPTS) return content
  }
}

/** Another one after each transaction. */
function generation(asker: Asker): number {
  const [answer] = asker.ask({ type: GET.gen, family: NFPROTO.all, isDump: false })
  return numberOf(within(answer?.body, GENERATION_ID) ?? new Uint8Array())
}

function contentOf(
  name: string,
  rulesOf: readonly string[] | undefined,
  asker: Asker,
): TableContent | undefined {
  const names = { [TABLE]: name }
  const [table] = asker.ask({ type: GET.table, family: NFPROTO.inet, names, isDump: false })
  if (table === undefined) return undefined
  const all = (type: number, within?: Readonly<Record<number, string>>) =>
    asker
      .ask({ type, family: NFPROTO.inet, names: { ...names, ...within }, isDump: true })
      .filter(({ body }) => textIn(body, TABLE) === name)
  return {
    ...tableOf(table),
    chains: all(GET.chain).map(chainOf),
    sets: all(GET.set).map(answer => setOf(answer, name, asker)),
    rules: (rulesOf?.flatMap(chain => all(GET.rule, { [RULE_CHAIN]: chain })) ?? all(GET.rule)).map(
      ({ body }) => readRule(body),
    ),
    objects: [...all(GET.object), ...all(GET.flowtable)].map(({ body }) => textIn(body, OBJECT_NAME)),
  }
}

function chainOf({ body }: Answer): ListedChain {
  const named = { name: textIn(body, CHAIN.name), handle: numberIn(body, CHAIN.handle) }
  const hook = within(body, CHAIN.hook)
  if (hook === undefined) return named
  const number = numberIn(hook, HOOK.number)
  return {
    ...named,
    type: textIn(body, CHAIN.type),
    hook: HOOKS[number] ?? String(number),
    priority: numberIn(hook, HOOK.priority) | 0,
    policy: numberIn(body, CHAIN.policy) === 0 ? 'drop' : 'accept',
    ...(HOOKS[number] === 'ingress' && { devices: devicesOf(hook) }),
  }
}

/** A list; before Linux 5.5 the one. */
function devicesOf(hook: Uint8Array): readonly string[] {
  const list = within(hook, HOOK.devices)
  const named = list === undefined ? [within(hook, HOOK.device)] : [...attributes(list)].map(it => it.value)
  return named.flatMap(name => (name === undefined ? [] : textOf(name))).sort()
}

function setOf({ body }: Answer, table: string, asker: Asker): ListedSet {
  const name = textIn(body, SET.name)
  const flags = numberIn(body, SET.flags)
  const size = within(within(body, SET.description), DESCRIPTION_SIZE)
  const isVerdictMap = (flags & SET_FLAG.map) !== 0 && numberIn(body, SET.dataType) === VERDICT
  return {
    name,
    handle: numberIn(body, SET.handle),
    type: typesOf(numberIn(body, SET.keyType)).join(' . '),
    size: size === undefined ? undefined : numberOf(size),
    timeout: numberIn(body, SET.timeout) / 1000 || undefined,
    gcInterval: numberIn(body, SET.gcInterval) / 1000 || undefined,
    flags: (Object.keys(SET_FLAGS) as SetFlag[]).filter(flag => (flags & SET_FLAGS[flag]) !== 0),
    counter: expressionsOf(body).some(expression => expressionName(expression) === 'counter'),
    isAnonymous: (flags & SET_FLAG.anonymous) !== 0,
    isMap: (flags & (SET_FLAG.map | SET_FLAG.object)) !== 0,
    targets: isVerdictMap ? targetsIn(table, name, asker) : [],
  }
}

/** One by itself, several in a list. */
function expressionsOf(body: Uint8Array): readonly Uint8Array[] {
  const one = within(body, SET.expression)
  return one === undefined ? listOf(within(body, SET.expressions) ?? new Uint8Array()) : [one]
}

function targetsIn(table: string, map: string, asker: Asker): readonly string[] {
  const found = new Set<string>()
  const names = { [TABLE]: table, [SET.name]: map }
  for (const { body } of asker.ask({ type: GET.elements, family: NFPROTO.inet, names, isDump: true })) {
    for (const { value: element } of attributes(within(body, ELEMENTS) ?? new Uint8Array())) {
      const target = targetIn(within(element, ELEMENT_DATA))
      if (target !== undefined) found.add(target)
    }
  }
  return [...found].sort()
}

function textIn(body: Uint8Array, type: number): string {
  return textOf(within(body, type) ?? new Uint8Array())
}

function numberIn(body: Uint8Array, type: number): number {
  return numberOf(within(body, type) ?? new Uint8Array())
}

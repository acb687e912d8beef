/**
 * What libnftables lists, typed for what we use and tolerant of the rest: kernels and versions differ.
 *
 * `{ "chain": { … } }` becomes `{ kind: 'chain', … }`, so that one filter finds all of a kind. Version 1.0.6
 * leaves out of its listings: the flag `dynamic`, comments of chains, and the devices of ingress chains.
 */
import * as z from 'zod'
import { NftablesError } from './error.ts'

const inTable = { family: z.string(), table: z.string() }
const named = { ...inTable, name: z.string(), handle: z.number() }

const Table = z.looseObject({ family: z.string(), name: z.string(), handle: z.number() })

const Chain = z.looseObject({
  ...named,
  type: z.string().optional(),
  hook: z.string().optional(),
  prio: z.number().optional(),
  policy: z.string().optional(),
})

// One flag alone is a bare string in later versions.
const flags = z
  .union([z.string(), z.array(z.string())])
  .transform(list => (typeof list === 'string' ? [list] : list))
  .optional()

const set = {
  ...named,
  /** A type, the types of a concatenation, or (later versions) an expression. */
  type: z.union([z.string(), z.array(z.string()), z.looseObject({})]),
  flags,
  size: z.number().optional(),
  /** Seconds. */
  timeout: z.number().optional(),
  comment: z.string().optional(),
}

const Rule = z.looseObject({
  ...inTable,
  chain: z.string(),
  handle: z.number(),
  comment: z.string().optional(),
  /** The statements, as libnftables-json(5) has them. */
  expr: z.array(z.unknown()),
})

const Flowtable = z.looseObject({
  ...named,
  prio: z.number().optional(),
  /** Names of devices; one alone is a bare string. */
  dev: z
    .union([z.string(), z.array(z.string())])
    .transform(list => (typeof list === 'string' ? [list] : list))
    .nullish(),
})

const Counter = z.looseObject({ ...named, packets: z.number(), bytes: z.number() })
const Quota = z.looseObject({
  ...named,
  bytes: z.number(),
  used: z.number().optional(),
  inv: z.boolean().optional(),
})
const Limit = z.looseObject({ ...named, rate: z.number(), per: z.string(), burst: z.number().optional() })
const CtHelper = z.looseObject({ ...named, type: z.string(), protocol: z.string(), l3proto: z.string() })
const CtTimeout = z.looseObject({
  ...named,
  protocol: z.string(),
  policy: z.record(z.string(), z.number()).optional(),
})
const CtExpectation = z.looseObject({
  ...named,
  protocol: z.string(),
  dport: z.number(),
  timeout: z.number(),
})

/** In the events of a monitor alone. */
const Element = z.looseObject({
  ...inTable,
  name: z.string(),
  /** As in a set that is listed; of a map, pairs of key and value. */
  elem: z
    .union([z.looseObject({ set: z.array(z.unknown()) }).transform(({ set }) => set), z.array(z.unknown())])
    .or(z.unknown().transform(one => [one])),
})

const LISTABLE = {
  element: Element,
  flowtable: Flowtable,
  counter: Counter,
  quota: Quota,
  limit: Limit,
  'ct helper': CtHelper,
  'ct timeout': CtTimeout,
  'ct expectation': CtExpectation,
  secmark: z.looseObject(named),
  synproxy: z.looseObject(named),
  table: Table,
  chain: Chain,
  set: z.looseObject(set),
  map: z.looseObject(set),
  rule: Rule,
}
type Listable = typeof LISTABLE

export type Listed =
  | { [K in keyof Listable]: { kind: K } & z.infer<Listable[K]> }[keyof Listable]
  | { kind: 'other'; type: string; table: string | undefined; value: unknown }

const scalar = z.union([z.string(), z.number()])
const part = z.union([
  scalar,
  z.looseObject({ prefix: z.object({ addr: z.string(), len: z.number() }) }),
  z.looseObject({ range: z.tuple([scalar, scalar]) }),
])
const ListedValue = z.union([part, z.looseObject({ concat: z.array(part) }), z.looseObject({})])

const ListedElement = z.looseObject({
  val: ListedValue,
  /** Seconds, whole. */
  timeout: z.number().optional(),
  /** Seconds that are left, whole. */
  expires: z.number().optional(),
  comment: z.string().optional(),
  counter: z.object({ packets: z.number(), bytes: z.number() }).optional(),
})
/** An element of a set as the kernel holds it. */
export type ListedElement = z.infer<typeof ListedElement>

const Output = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) })
const InTable = z.looseObject({ table: z.string() })
const Metainfo = z.object({ version: z.string() })
const Elements = z.array(
  z.union([
    z.looseObject({ elem: ListedElement }).transform(({ elem }) => elem),
    ListedValue.transform(val => ({ val })),
  ]),
)

export interface Listing {
  /** Of libnftables. */
  readonly version: string | undefined
  readonly objects: readonly Listed[]
}

/** Reads what libnftables printed; throws NftablesError `unsupported` when it is no JSON that we know. */
export function parseListing(output: string): Listing {
  const objects = parse(() => Output.parse(JSON.parse(output)).nftables)
  const metainfo = Metainfo.safeParse(objects[0]?.metainfo)
  return {
    version: metainfo.data?.version,
    objects: objects.filter(object => !('metainfo' in object)).map(listedOf),
  }
}

/** The elements of the one set in a listing. */
export function elementsOf(listing: Listing): readonly ListedElement[] {
  const holder = listing.objects.find(object => object.kind === 'set')
  return parse(() => Elements.parse(holder?.elem ?? []))
}

/** The elements of the one map in a listing. */
export function mapElementsOf(listing: Listing): readonly unknown[] {
  const holder = listing.objects.find(object => object.kind === 'map')
  return parse(() => z.array(z.unknown()).parse(holder?.elem ?? []))
}

// A stranger's object that we cannot read must not keep us from reading our own: it is `other`.
export function listedOf(object: Record<string, unknown>): Listed {
  const [type = '', value] = Object.entries(object)[0] ?? []
  const known = isListable(type) ? LISTABLE[type].safeParse(value).data : undefined
  if (known !== undefined) return { kind: type, ...known } as Listed
  return { kind: 'other', type, table: InTable.safeParse(value).data?.table, value }
}

function isListable(name: string): name is keyof Listable {
  return Object.hasOwn(LISTABLE, name)
}

function parse<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new NftablesError('unsupported', `libnftables printed something unknown: ${String(cause)}`, {
      cause,
    })
  }
}

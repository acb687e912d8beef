/**
 * Where libnftables would take a string for the name of a host, and ask the resolver: a blocking look-up whose answer decides what is added. That is wherever an
 * address may stand: in elements, whose set is not known here, in what is compared with an address, in what NAT leads to.
 */
import { isIP } from 'node:net'

type Json = Readonly<Record<string, unknown>>

/** The first word that stands where only a literal may, or undefined. */
export function wordLookedUp(commands: readonly unknown[]): string | undefined {
  for (const command of commands)
    for (const [verb, target] of Object.entries(command as Json))
      for (const [kind, object] of Object.entries(target as Json)) {
        const { elem, expr, stmt } = (object ?? {}) as { elem?: unknown; expr?: unknown[]; stmt?: unknown[] }
        // Only for rules is it known what is compared.
        const word =
          inValue(elem, LITERALS) ?? inStatements(kind === 'rule' ? expr : undefined) ?? inStatements(stmt)
        if (verb !== 'flush' && word !== undefined) return word
      }
  return undefined
}

/** Whether the value is nested deeper than that. */
export function isDeeperThan(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (most === 0) return true
  for (const inner of Object.values(value)) if (isDeeperThan(inner, most - 1)) return true
  return false
}

/** Whether words may stand there; of a concatenation, in each of its parts. */
type Places = boolean | 'literals' | readonly boolean[]
/** Not even the name of a set, or `*` for all others. */
const LITERALS = 'literals'
const NOWHERE = false
const ANYWHERE = true

/** Of statements, what is not merely a reference or a name. */
const PLACES: Readonly<Record<string, Readonly<Record<string, Places>>>> = {
  snat: { addr: NOWHERE, port: ANYWHERE },
  dnat: { addr: NOWHERE, port: ANYWHERE },
  masquerade: { port: ANYWHERE },
  redirect: { port: ANYWHERE },
  tproxy: { addr: NOWHERE, port: ANYWHERE },
  dup: { addr: NOWHERE, dev: ANYWHERE },
  fwd: { addr: NOWHERE, dev: ANYWHERE },
  queue: { num: ANYWHERE },
  reject: { expr: ANYWHERE },
  set: { elem: NOWHERE },
  meter: { key: NOWHERE },
}

function inStatements(statements: readonly unknown[] | undefined): string | undefined {
  for (const statement of statements ?? []) {
    const [[name, content] = ['', null]] = Object.entries(statement as Json)
    const word = inStatement(name, content)
    if (word !== undefined) return word
  }
  return undefined
}

function inStatement(name: string, content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null) return undefined
  const it = content as Json
  if (name === 'match')
    return inValue(it.left, placesBeside(it.left)) ?? inValue(it.right, placesBeside(it.left))
  if (name === 'mangle') return inValue(it.key, NOWHERE) ?? inValue(it.value, placesBeside(it.key))
  if (name === 'vmap') return inMap(it, NOWHERE)
  if (name === 'map')
    return inValue(it.elem, NOWHERE) ?? inValue(it.data, NOWHERE) ?? inStatements(it.stmt as [])
  for (const [part, places] of Object.entries(PLACES[name] ?? {})) {
    const word = inValue(it[part], places)
    if (word !== undefined) return word
  }
  const { stmt } = it as { stmt?: unknown }
  return Array.isArray(stmt) ? inStatements(stmt) : inStatements(stmt === undefined ? [] : [stmt])
}

/** Keys beside what is looked up, and what they lead to, which may be an address. */
function inMap({ key, data }: Json, leadsTo: Places): string | undefined {
  const places = placesBeside(key)
  const pairs = (data as { set?: unknown })?.set
  if (!Array.isArray(pairs)) return inValue(key, places) ?? inValue(data, leadsTo)
  for (const pair of pairs) {
    const [from, to] = Array.isArray(pair) ? pair : [pair]
    const word = inValue(from, places) ?? inValue(to, leadsTo)
    if (word !== undefined) return word
  }
  return inValue(key, places)
}

function inValue(value: unknown, places: Places): string | undefined {
  if (typeof value === 'string')
    return places === ANYWHERE || isLiteral(value) || (places !== LITERALS && REFERENCE.test(value))
      ? undefined
      : value
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return firstOf(value, one => inValue(one, places))
  const [[name, inner] = ['', null]] = Object.entries(value)
  switch (name) {
    case 'concat':
      return firstOf(inner as unknown[], (part, i) =>
        inValue(part, typeof places === 'object' ? (places[i] ?? NOWHERE) : places),
      )
    case 'map':
      return inMap(inner as Json, places)
    case 'elem':
      return inValue((inner as Json).val, places)
    case 'prefix':
      return inValue((inner as Json).addr, places)
    case 'jhash':
      return inValue((inner as Json).expr, NOWHERE)
    case 'set':
    case 'range':
    case '|':
    case '^':
    case '&':
    case '<<':
    case '>>':
      return inValue(inner, places)
    default:
      return undefined // A selector or a verdict: no values in it.
  }
}

function firstOf(
  list: readonly unknown[],
  find: (one: unknown, i: number) => string | undefined,
): string | undefined {
  for (const [i, one] of list.entries()) {
    const word = find(one, i)
    if (word !== undefined) return word
  }
  return undefined
}

/** What such an expression is compared with: names of hosts are possible beside addresses alone. */
function placesBeside(left: unknown): Places {
  if (typeof left !== 'object' || left === null || Array.isArray(left)) return NOWHERE
  const [[name, inner] = ['', null]] = Object.entries(left)
  switch (name) {
    case 'concat':
      return (inner as unknown[]).map(part => placesBeside(part) === ANYWHERE)
    case '|':
    case '^':
    case '&':
    case '<<':
    case '>>':
      return placesBeside((inner as unknown[])[0])
    case 'meta':
    case 'fib':
    case 'socket':
    case 'osf':
    case 'numgen':
    case 'symhash':
    case 'jhash':
    case 'tcp option':
    case 'sctp chunk':
    case 'dccp option':
      return ANYWHERE
    case 'payload':
    case 'exthdr':
    case 'ip option':
    case 'ct':
    case 'rt':
    case 'ipsec': {
      const { field, key } = inner as Json
      return !/addr|nexthop|gateway|target/.test(String(field ?? key ?? ''))
    }
    default:
      return NOWHERE
  }
}

const LINK_LAYER = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i

/** A zone is left out: isIP takes `fe80::1%eth0`, nft forgets the part behind the %. */
function isLiteral(text: string): boolean {
  return (isIP(text) !== 0 && !text.includes('%')) || LINK_LAYER.test(text)
}
/** The name of a set or an object of the table; all others; a number. */
const REFERENCE = /^(@[A-Za-z_][\w/.-]*|\*|0x[0-9a-f]+)$/i

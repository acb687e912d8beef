/**
 * Everything that nft can do to our own chains, sets and rules in table inet filter, made from the ruleset: whoever adds a chain or a
 * set to it has its mutations tried. What nft and the kernel refuse (another hook, priority, type or flag of what is there,
 * a rename of a set) is done by way of deleting and making anew.
 */
import type { ChainSpec, Ruleset, SetSpec } from '../../src/arm/ruleset/spec.ts'

export interface Mutation {
  readonly name: string
  /** Commands of nft, one transaction. */
  readonly nft: string
}

const IN = 'inet filter'
/** Sets whose elements are flies: what others do to those is an order. */
const FLIES = ['flypaper', 'flypaper6']

/** What can be done to the chains, and to the rules in them; of what is alike for all chains, each has another. */
export function chainMutations({ chains }: Ruleset): Mutation[] {
  const inTurn = (mutations: readonly Mutation[], turn: number) =>
    mutations.length === 0 ? [] : [mutations[turn % mutations.length]!]
  return chains.flatMap((chain, turn) => [
    ...inTurn(ruleMutations(chain), turn),
    ...inTurn(madeAnew(chain), turn),
    ...policies(chain),
    renamed(chain),
  ])
}

function policies({ name, hook }: ChainSpec): Mutation[] {
  if (hook === undefined) return []
  return [{ name: `${name} with policy drop`, nft: `add chain ${IN} ${name} { policy drop; }` }]
}

function renamed({ name }: ChainSpec): Mutation {
  return { name: `${name} renamed`, nft: `rename chain ${IN} ${name} stranger` }
}

function madeAnew({ name, hook }: ChainSpec): Mutation[] {
  if (hook === undefined) return []
  const anew = (type: string) =>
    `flush chain ${IN} ${name}; delete chain ${IN} ${name}; add chain ${IN} ${name} { ${type} }`
  return [
    { name: `${name} at another priority`, nft: anew(hook.replace(/priority -?\d+/, 'priority 7')) },
    { name: `${name} at another hook`, nft: anew('type filter hook output priority 0; policy drop;') },
    { name: `${name} of another type`, nft: anew('type nat hook output priority 0; policy accept;') },
  ]
}

function ruleMutations({ name, paragraphs }: ChainSpec): Mutation[] {
  const some = [
    { name: `${name} with a rule before the others`, nft: `insert rule ${IN} ${name} accept` },
    { name: `${name} with a rule behind the others`, nft: `add rule ${IN} ${name} tcp dport 22 drop` },
  ]
  if (paragraphs.length === 0) return some
  return [...some, { name: `${name} without rules`, nft: `flush chain ${IN} ${name}` }]
}

/** What can be done to a set but for its elements. Another size, timeout and interval of collection are one declaration. */
export function setMutations({ sets }: Ruleset): Mutation[] {
  return sets.map(set => ({
    name: `${set.name} with another size and timeout`,
    nft: `add set ${IN} ${set.name} { type ${set.type}; size 3; ${otherTimes(set)} }`,
  }))
}

/** A declaration without its counter the kernel refuses. */
function otherTimes({ flags = [], counter = false }: SetSpec): string {
  const times = flags.includes('timeout') ? 'timeout 1s; gc-interval 1s;' : ''
  return `${flags.length === 0 ? '' : `flags ${flags.join(', ')};`} ${times}${counter ? ' counter;' : ''}`
}

/** What can be done to the elements of the sets that are not of flies. `stranger` is not in any of them. */
export function elementMutations({ sets }: Ruleset, stranger: { four: string; six: string }): Mutation[] {
  return sets
    .filter(({ name }) => !FLIES.includes(name))
    .map(({ name, type, flags = [] }) => ({
      name: `${name} with an element more`,
      nft: `add element ${IN} ${name} { ${elementOf(type, stranger)}${flags.includes('timeout') ? ' timeout 30d' : ''} }`,
    }))
}

/** The sets must have elements: else nothing changes, and nobody is told. */
export function emptyingMutations(sets: readonly string[]): Mutation[] {
  return sets.map(name => ({ name: `${name} emptied`, nft: `flush set ${IN} ${name}` }))
}

/** An element that stands for whatever no other matches; nft 1.0.6 dies of it in sets of intervals. */
export function catchAllMutations({ sets }: Ruleset): Mutation[] {
  return sets
    .filter(({ flags = [] }) => !flags.includes('interval') && flags.includes('timeout'))
    .map(({ name }) => ({
      name: `${name} with everybody in it`,
      nft: `add element ${IN} ${name} { * timeout 30d }`,
    }))
}

const PARTS: Readonly<Record<string, string>> = {
  inet_service: '81',
  inet_proto: 'tcp',
  nf_proto: 'ipv4, ipv6',
  ifname: '"lo"',
}

function elementOf(type: string, { four, six }: { four: string; six: string }): string {
  const part = (name: string) => (name === 'ipv4_addr' ? four : name === 'ipv6_addr' ? six : PARTS[name]!)
  return type.split(' . ').map(part).join(' . ')
}

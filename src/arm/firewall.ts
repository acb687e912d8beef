/** What arming needs of the kernel's firewall: the port that system/firewall.ts stands behind. */
import type { Address, Family, Prefix } from '../terms/address.ts'
import type { AddressKey } from '../terms/address-bytes.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { type ChainName, COUNT_SETS, type SetName } from './names.ts'

/** `table inet filter` as it is, without the elements of its sets. */
export interface TableView {
  /** The kernel's number of the table; a table that is made anew gets another. */
  readonly handle?: number | undefined
  /** `dormant`, `owner` and the like: what the administrator, or a program, has made of the table. */
  readonly flags?: readonly string[] | undefined
  readonly chains: readonly ChainView[]
  readonly sets: readonly SetView[]
  readonly rules: readonly RuleView[]
  /** Flowtables, maps, counters and the like, by name: they keep the table from being ours alone. */
  readonly others: readonly string[]
  /** The chains that verdict maps jump or go to, whether a rule asks the map or not. */
  readonly mapTargets: readonly string[]
}

export interface ChainView {
  readonly name: string
  /** The hook of a base chain, and its priority. */
  readonly hook?: string | undefined
  readonly priority?: number | undefined
  /** Of a base chain at ingress, by their names. */
  readonly devices?: readonly string[] | undefined
  /** What a base chain does with what none of its rules decides. */
  readonly policy?: string | undefined
}

export interface SetView {
  readonly name: string
  /** `ipv4_addr . inet_service` for a concatenation. */
  readonly type?: string | undefined
  readonly size?: number | undefined
  readonly flags: readonly string[]
  /** Each element counts its packets. */
  readonly counter?: boolean | undefined
  /** The kernel's number of the set within its table. */
  readonly handle?: number | undefined
}

export interface RuleView {
  readonly chain: string
  readonly handle: number
  readonly comment?: string | undefined
  /** The chains that the rule may jump or go to, by itself or through a verdict map. */
  readonly targets: readonly string[]
  /** The names of the sets and maps that the rule asks. */
  readonly sets: readonly string[]
  /** What the rule's counter has counted. */
  readonly packets?: number | undefined
  /** It does nothing but jump. */
  readonly isBareJump?: boolean
  /** Where the rule hands packets over to: a queue number or an NFLOG group. */
  readonly handsOver?: { readonly kind: 'queue' | 'log'; readonly number: number } | undefined
}

/** An address, a prefix, a number, the name of an interface, or the parts of a concatenation: protocol and port, a family. */
export type ElementValue = Address | Prefix | number | InterfaceName | readonly (number | Address)[]

export interface InterfaceName {
  readonly interface: string
}

export interface Element {
  readonly element: ElementValue
  /** Until it goes by itself; without: it stays until it is removed. */
  readonly seconds?: number | undefined
}

export type Change =
  | { readonly change: 'add'; readonly set: SetName; readonly elements: readonly Element[] }
  | { readonly change: 'remove'; readonly set: SetName; readonly elements: readonly Element[] }
  | { readonly change: 'empty'; readonly set: SetName }
  /** Of a set of intervals, which holds all that go, just so, and nothing that overlaps what comes, but for the same: else it is refused. */
  | {
      readonly change: 'exchange'
      readonly set: SetName
      readonly family: Family
      /** First and last address of each, as a PrefixSet has them. */
      readonly gone: Uint32Array
      readonly come: Uint32Array
    }
  | { readonly change: 'delete-set'; readonly set: string }
  | { readonly change: 'flush-chain' | 'delete-chain'; readonly chain: string }
  | { readonly change: 'rename-chain'; readonly chain: string; readonly handle: number; readonly to: string }
  | {
      readonly change: 'append-jump'
      readonly chain: string
      readonly to: ChainName
      readonly comment: string
    }
  | { readonly change: 'delete-rule'; readonly chain: string; readonly handle: number }
  | { readonly change: 'delete-table' }

/** Where the armed trap hands offences over; undefined where none is armed. */
export function listenedAt(table: TableView | undefined): RuleView['handsOver'] {
  const offence: ChainName = 'flypaper_offence'
  return table?.rules.find(rule => rule.chain === offence && rule.handsOver !== undefined)?.handsOver
}

/** The same firewall, whose sets nobody changes: what a dry run sees. */
export function untouched(firewall: Firewall): Firewall {
  return {
    ...firewall,
    change() {},
    take: () => [],
    takeOut() {},
    ask: () => [],
    first: () => [],
    ports: () => [],
    read: async () => [],
  }
}

/** The sets whose elements are single addresses. */
export const ADDRESS_SETS = [
  'flypaper',
  'flypaper6',
  'flypaper_hold',
  'flypaper_hold6',
  'flypaper_pending',
  'flypaper_pending6',
  'flypaper_peers',
  'flypaper_peers6',
  'flypaper_known',
  'flypaper_known6',
  ...COUNT_SETS,
] as const satisfies readonly SetName[]
export type AddressSet = (typeof ADDRESS_SETS)[number]

export interface ListedElement {
  readonly element: Address
  /** Seconds until it goes by itself. */
  readonly expires?: number | undefined
  /** What its counter has counted since it was put in; only where the set has counters. */
  readonly packets?: number | undefined
}

/** The sets whose elements are a protocol and a port. */
export type PortSet = 'flypaper_served' | 'flypaper_excusable' | 'flypaper_doors' | 'flypaper_grace'

export interface ListedPort {
  /** IANA protocol number, and port. */
  readonly port: readonly [protocol: number, port: number]
  /** Seconds until it goes by itself; undefined: it stays. */
  readonly expires?: number | undefined
}

/** Elements of a set that are looked at when it is read: the kernel's work grows with the square of their number. */
export const READ_MAX = 262_144

/** The same firewall, for those who cannot know whether the sets are there: to change one that is not, is to do nothing. */
export function presentSets(firewall: Firewall): Firewall {
  const present = new Set(firewall.look()?.sets.map(({ name }) => name))
  return {
    ...firewall,
    change(changes) {
      const possible = changes.filter(change => !('set' in change) || present.has(change.set))
      if (possible.length > 0) firewall.change(possible)
    },
  }
}

export interface Firewall {
  /** Loads the nft text of a generated ruleset as one transaction. */
  load(ruleset: string): void
  /**
   * The same changes as one transaction: all or none. Removing what is not there is no error. Elements alone may
   * take several transactions, where one may not be large enough, and so may removals alone. Throws SetFull when a set has no room.
   */
  change(changes: readonly Change[]): void
  /** Removes those of these that are in the set, and tells who that was: nobody where there is no such set. */
  take(set: AddressSet, elements: readonly Address[]): readonly Address[]
  /** Takes elements out of a set by their keys, whether they are in it, or there is such a set, or not. */
  takeOut(set: string, keys: readonly Uint8Array[]): void
  /** Those of these that are in the set. Costs as much for each in a full set as in an empty one. */
  ask(set: AddressSet, elements: readonly Address[]): readonly ListedElement[]
  /** The table without set elements: quick however many flies there are. Undefined: there is no such table. */
  look(): TableView | undefined
  /** At most `most` of the set, whichever come first. Stops everything else meanwhile: for a few. */
  first(set: AddressSet, most: number): readonly ListedElement[]
  /** The same of ports, by protocol and port; of the grace by NFPROTO_… and 0. Nothing where there is no such set. */
  ports(set: PortSet, most: number): readonly ListedPort[]
  /**
   * All of the set, or those that are wanted, read piece by piece while everything else goes on. Slow for a large one, and at most
   * READ_MAX are looked at: never for a look-up. What changes meanwhile may be missing. Nobody where there is no such set.
   */
  read(set: AddressSet, isWanted?: (key: AddressKey) => boolean): Promise<readonly ListedElement[]>
  /** Whether the kernel would take this statement in a rule, `counter` for each element of a set, a chain at `ingress`; nothing is changed. */
  supports(statement: 'queue' | 'log' | 'socket' | 'fib' | 'counter' | 'ingress'): boolean
}

/** A set holds as many elements as its size allows, and a change would have put more into it. */
export class SetFull extends Failure {
  constructor(cause?: unknown) {
    super('the set is full: it holds as many flies as its size allows', {
      exit: EXIT.unavailable,
      hint: 'Raise flypaper under [sizes] in the settings.',
      cause,
    })
  }
}

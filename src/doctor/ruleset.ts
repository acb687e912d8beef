/** The rules of everybody, as the doctor reads them. Shapes only. */

import type { SetView } from '../arm/firewall.ts'

export interface InTable {
  readonly family: string
  readonly table: string
}

export interface Chain extends InTable {
  readonly name: string
  /** Hook, priority and policy of a base chain. */
  readonly hook?: string | undefined
  readonly priority?: number | undefined
  readonly policy?: string | undefined
}

export interface Rule extends InTable {
  readonly chain: string
  /** The statements, as libnftables-json(5) has them. */
  readonly expr: readonly unknown[]
}

/** As libnftables-json(5) has them in a map that stands in a rule, but of the value only what is a port, and of verdicts only those that lead to a chain. */
export type NamedElement = readonly [value: unknown, verdict: unknown]

export interface Table extends InTable {
  /** `owner` and the like. */
  readonly flags?: readonly string[]
}

export interface Flowtable extends InTable {
  readonly name: string
  /** At ingress of its devices. */
  readonly priority?: number | undefined
  readonly devices: readonly string[]
}

/** All tables of this network namespace that are in force, without the elements of their sets. */
export interface Ruleset {
  readonly tables: readonly Table[]
  /** Tables that have been put to sleep (flag `dormant`): nothing in them is in force. */
  readonly asleep?: readonly Table[]
  readonly chains: readonly Chain[]
  readonly rules: readonly Rule[]
  readonly flowtables?: readonly Flowtable[]
  /** Sets and maps whose elements each have a limit, a quota or a count of their own, which decides whether they match. */
  readonly limited?: readonly (InTable & { readonly name: string })[]
  /** What stands in a named set or map whose key has a port, at most so many elements; asked when it is wanted. */
  readonly elementsOf?: (named: InTable & { readonly name: string }, most: number) => readonly NamedElement[]
  /** Those of our table. */
  readonly sets?: readonly (InTable & SetView)[]
}

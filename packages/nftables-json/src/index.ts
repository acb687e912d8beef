/** libnftables, typed: see README.md. */
export { Command, type CommandOptions, forget, put, type SetId } from './command.ts'
export { NewElement, Value } from './element.ts'
export { NftablesError, type NftablesErrorCode, type Position } from './error.ts'
export { Expression, type Selector, type Verdict } from './expression.ts'
export type { Listed, ListedElement } from './listed.ts'
export { type Change, type Monitor, type MonitorOptions, openMonitor } from './monitor.ts'
export {
  type ElementOptions,
  type ListOptions,
  type Nftables,
  openNftables,
  type Refusal,
  type RunOptions,
} from './nftables.ts'
export { type Restored, restore } from './restore.ts'
export { Family } from './scalars.ts'
export { Statement } from './statement.ts'
export type { Resettable, Target } from './target.ts'

/**
 * nfnetlink: packets that Linux netfilter hands to a program, by NFLOG or nfnetlink_queue, and a watch on routes and rules.
 *
 * A library of its own, over libc through koffi: no addon, no compiler. See docs/nfnetlink.md.
 */
export type { ElementChange, SetElement } from './element-batch.ts'
export { countElements, firstElements, readElements, visitElements } from './element-dump.ts'
export { type Elements, openElements } from './elements.ts'
export { NetlinkError, type NetlinkErrorCode } from './error.ts'
export { type LogOptions, openLog } from './log.ts'
export type { PacketCounts, PacketOptions, PacketSocket } from './packets.ts'
export type { NetfilterPacket } from './parse.ts'
export { openQueue, type QueueOptions } from './queue.ts'
export { type RouteOptions, watchRoutes } from './routes.ts'
export { type ForeignTransaction, type RulesetOptions, watchRuleset } from './ruleset.ts'
export type { RulesetChange, RulesetElement } from './ruleset-parse.ts'
export { readTable, type TableObjects } from './table-dump.ts'
export type { KernelChain, KernelSet } from './table-parse.ts'

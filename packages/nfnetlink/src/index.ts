/**
 * nfnetlink: packets that Linux netfilter hands to a program, by NFLOG or nfnetlink_queue, and a watch on routes and rules.
 *
 * A library of its own, over libc through koffi: no addon, no compiler. See README.md.
 */

export { type InterfaceAddress, readAddresses } from './address-dump.ts'
export { type Flow, visitFlowsLater } from './conntrack-dump.ts'
export { countElements, firstElements, readElements, visitElements } from './element-dump.ts'
export { type Elements, openElements } from './elements.ts'
export { NetlinkError, type NetlinkErrorCode } from './error.ts'
export { holderOf } from './holder.ts'
export { type Link, readLinks } from './link-dump.ts'
export { type LogOptions, openLog } from './log.ts'
export type { PacketCounts, PacketOptions, PacketSocket } from './packets.ts'
export type { NetfilterPacket } from './parse.ts'
export { FAMILIES } from './questions.ts'
export { openQueue, type QueueOptions } from './queue.ts'
export { type OnLink, ROUTES_MAX, type Routes, readRoutes, readRoutesLater } from './route-dump.ts'
export { type RouteOptions, watchRoutes } from './routes.ts'
export type { ListedRule } from './rule-parse.ts'
export { type ForeignTransaction, type RulesetOptions, watchRuleset } from './ruleset.ts'
export type { RulesetChange, RulesetElement } from './ruleset-parse.ts'
export { readPorts, type SetPorts } from './set-ports.ts'
export {
  type InetSocket,
  SOCKET_STATE,
  type SocketProtocol,
  type SocketState,
  visitSockets,
  visitSocketsLater,
} from './socket-dump.ts'
export type { ElementChange, SetElement, TableChange } from './table-change.ts'
export { type ListedChain, type ListedSet, readTable, type TableContent } from './table-content.ts'
export {
  type ChainName,
  findTable,
  type ListedTable,
  listChainNames,
  listSets,
  listTables,
  type SetName,
  type TableFlag,
} from './tables.ts'
export {
  openVerdictQueue,
  type PacketVerdict,
  type PacketVerdictOptions,
  type QueuedPacket,
  type VerdictCounts,
  type VerdictOptions,
  type VerdictQueue,
  type VerdictQueueOptions,
} from './verdicts.ts'
export { type Listening, readListenPorts, WIREGUARD_MAX } from './wireguard-dump.ts'

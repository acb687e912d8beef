/** Reads a table of nf_tables without the elements of its sets: some milliseconds, however many flies there are. */
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { makeSlots, type Slots } from './slots.ts'
import { type NetlinkSocket, openSocket } from './socket.ts'
import {
  type KernelChain,
  type KernelRule,
  type KernelSet,
  type KernelTable,
  readTableDatagram,
  type TableMessage,
} from './table-parse.ts'
import { askChains, askRules, askSets, askTable } from './table-request.ts'

export interface TableObjects extends KernelTable {
  readonly chains: readonly KernelChain[]
  readonly sets: readonly KernelSet[]
  /** The rules of those chains that were asked for and are there, in their order. */
  readonly rules: ReadonlyMap<string, readonly KernelRule[]>
}

const NETLINK_NETFILTER = 12
const RECEIVE_BUFFER = 256 * 1024
/** The kernel dumps up to 32 KB in one datagram. */
const DUMPED = 64 * 1024
/** Somebody who changes the ruleset all the time does not keep us from reading it: the last reading counts, and he is announced. */
const ATTEMPTS = 5

/** A table of family inet, and the rules of these of its chains; undefined where there is no such table. Throws NetlinkError. */
export function readTable(table: string, chains: readonly string[] = []): TableObjects | undefined {
  using socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  const slots = makeSlots(DUMPED, 1)
  const ask = (question: Uint8Array) => answerTo(question, socket, slots)
  for (let attempts = 1; ; attempts++) {
    const [found] = ask(askTable(table)).messages.flatMap(message =>
      'table' in message ? message.table : [],
    )
    if (found === undefined) return undefined
    const told = [ask(askChains(table)), ask(askSets(table))]
    const rules = new Map<string, readonly KernelRule[]>()
    for (const chain of chains) {
      const answer = ask(askRules(table, chain))
      told.push(answer)
      rules.set(
        chain,
        answer.messages.flatMap(message => ('rule' in message ? message.rule : [])),
      )
    }
    if (attempts < ATTEMPTS && told.some(({ isInterrupted }) => isInterrupted)) continue
    const messages = told.flatMap(({ messages }) => messages)
    const isInTable = (message: { readonly inTable: string }) => message.inTable === table
    return {
      ...found,
      chains: messages.flatMap(message => ('chain' in message && isInTable(message) ? message.chain : [])),
      sets: messages.flatMap(message => ('set' in message && isInTable(message) ? message.set : [])),
      rules,
    }
  }
}

interface Answer {
  readonly messages: readonly TableMessage[]
  readonly isInterrupted: boolean
}

/** All of it is there when sending returns, but for the pieces that are made as they are read. */
function answerTo(question: Uint8Array, socket: NetlinkSocket, slots: Slots): Answer {
  socket.send(question)
  const messages: TableMessage[] = []
  let interrupted = false
  for (;;) {
    const count = socket.receive(slots)
    if (count === -ERRNO.EINTR) continue
    if (count <= 0) throw new NetlinkError('failed', 'the kernel does not tell its ruleset', -count)
    const piece = readTableDatagram(slots.datagram(0))
    interrupted ||= piece.isInterrupted
    for (const message of piece.messages) {
      if (!('end' in message)) messages.push(message)
      else if (message.end.errno !== 0 && message.end.errno !== ERRNO.ENOENT)
        throw new NetlinkError('failed', 'the kernel broke off telling its ruleset', message.end.errno)
      if ('end' in message || 'table' in message) return { messages, isInterrupted: interrupted }
    }
  }
}

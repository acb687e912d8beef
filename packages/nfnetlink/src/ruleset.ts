/** Tells what others do to a table of nf_tables. */
import type { NetlinkError } from './error.ts'
import { ownPorts } from './own-ports.ts'
import { type Commit, type RulesetChange, readRulesetDatagram, type WantsElements } from './ruleset-parse.ts'
import { makeSlots } from './slots.ts'
import { openSocket } from './socket.ts'

/** A transaction of another program. */
export interface ForeignTransaction extends Commit {
  /** What it did to the table, in order; at most CHANGES_MAX. */
  readonly changes: readonly RulesetChange[]
  /** There was more, which is not told. */
  readonly cut: boolean
}

export interface RulesetOptions {
  /** A table of family inet. */
  readonly table: string
  /** Of which of its sets the elements interest; of all unless told. Those of others cost next to nothing, however many come at once. */
  readonly elementsOf?: (set: string) => boolean
  /** Somebody else has changed something in that table. */
  readonly onChange: (transaction: ForeignTransaction) => void
  /** Somebody else has changed tables, chains or rules, of whichever table; once for each transaction with one that counts. */
  readonly onRules?: { readonly counts: (change: RulesetChange) => boolean; readonly told: () => void }
  /** Somebody else has changed elements of these sets, of whichever table; once for each transaction. */
  readonly onElements?: { readonly counts: WantsElements; readonly told: () => void }
  /** Announcements were lost: anything may have changed. */
  readonly onLost: () => void
  /** The watch broke and is closed. */
  readonly onError: (error: NetlinkError) => void
}

/** Changes that are kept of one transaction, at most. */
export const CHANGES_MAX = 100_000
const NETLINK_NETFILTER = 12
/** Of linux/netfilter.h. */
const NFPROTO_INET = 1
/** NFNLGRP_NFTABLES is 7 (linux/netfilter/nfnetlink.h). */
const GROUP_NFTABLES = 1 << 6
/** Each announcement takes about 1 KB of it: an emptied set announces every element. */
const RECEIVE_BUFFER = 32 * 1024 * 1024
/** It gathers announcements up to a page, of 8 KB at most (NLMSG_GOODSIZE), and so many of them are read at once: 9,000 elements. */
const ANNOUNCED = { bytes: 8 * 1024, datagrams: 256 }

/**
 * Watches a table; needs no privilege but CAP_NET_ADMIN for the large buffer. What comes from the packet path
 * (elements that rules add, and that expire) is not announced by the kernel. Throws NetlinkError.
 */
export function watchRuleset(options: RulesetOptions): Disposable {
  const socket = openSocket(NETLINK_NETFILTER, GROUP_NFTABLES, RECEIVE_BUFFER)
  const slots = makeSlots(ANNOUNCED.bytes, ANNOUNCED.datagrams)
  const isOwn = ownPorts()
  /** Ours, one for each socket that changes something: the kernel tells us nothing of these any more. */
  const own = new Set<number>()
  /** Ports that were looked up in vain, until their transaction ends. */
  const foreign = new Set<number>()
  /** Ports whose transaction, which has not ended yet, has changed rules. */
  const writing = new Set<number>()
  /** The same of elements that interest. */
  const filling = new Set<number>()
  const pending = new Map<number, { changes: RulesetChange[]; cut: boolean }>()
  const { elementsOf = () => true } = options
  const isTable = (family: number, table: string) => family === NFPROTO_INET && table === options.table
  const counts: WantsElements = (...set) => options.onElements?.counts(...set) === true
  const wants: WantsElements = (family, table, set) =>
    (isTable(family, table) && elementsOf(set)) || counts(family, table, set)
  let lost = socket.overruns()

  function skip(port: number): boolean {
    if (foreign.has(port)) return false
    if (!isOwn(port)) {
      foreign.add(port)
      return false
    }
    if (!own.has(port)) socket.ignore([...own.add(port)])
    return true
  }

  function take(port: number, change: RulesetChange): void {
    if (change.kind !== 'element' && change.kind !== 'set' && options.onRules?.counts(change) === true) {
      writing.add(port)
    }
    if (change.kind === 'element' && counts(change.family, change.table, change.name)) filling.add(port)
    if (!isTable(change.family, change.table)) return
    if (change.kind === 'element' && !elementsOf(change.name)) return
    const before = pending.get(port) ?? { changes: [], cut: false }
    if (before.changes.length < CHANGES_MAX) before.changes.push(change)
    else before.cut = true
    pending.set(port, before)
  }

  function onReceived(count: number): void {
    for (let slot = 0; slot < count; slot++) {
      for (const message of readRulesetDatagram(slots.datagram(slot), skip, wants)) {
        if ('change' in message) take(message.port, message.change)
        else if ('commit' in message) {
          const done = pending.get(message.port)
          pending.delete(message.port)
          foreign.delete(message.port)
          if (writing.delete(message.port)) options.onRules?.told()
          if (filling.delete(message.port)) options.onElements?.told()
          if (done !== undefined) options.onChange({ ...message.commit, ...done })
        }
      }
    }
    const overruns = socket.overruns()
    if (overruns === lost) return
    lost = overruns
    pending.clear()
    writing.clear()
    filling.clear()
    foreign.clear()
    options.onLost()
  }

  socket.watch(slots, onReceived, options.onError)
  return { [Symbol.dispose]: () => socket[Symbol.dispose]() }
}

/**
 * Reads the elements of a set of nf_tables without stopping the event loop, or only the first. A listing is no snapshot: when the set
 * grows or shrinks meanwhile, the kernel may tell an element twice, or leave one out that is there all the time, and does not say
 * that it did (NLM_F_DUMP_INTR is about transactions). Whoever concludes something from an absence asks again: Elements.ask.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { type RulesetElement, readRulesetDatagram } from './ruleset-parse.ts'
import { askElements, NFPROTO_INET } from './set-request.ts'
import { makeSlots } from './slots.ts'
import { closedIfThrown, type NetlinkSocket, openSocket } from './socket.ts'

const NETLINK_NETFILTER = 12
/** The kernel makes the next piece when half of it is read. */
const RECEIVE_BUFFER = 256 * 1024
/** The kernel dumps up to 32 KB in one datagram. */
const DUMPED = 64 * 1024

/** Pieces that the kernel owes, but could not make yet for want of memory, are asked for again so often, after so long. */
const PATIENCE = { times: 20, ms: 50 }

/**
 * Shows the elements of a set of family inet, piece by piece: each is made on another thread, and read in a turn of its own. The kernel's
 * work grows with the square of their number. `visit` returns false to leave off. What changes meanwhile may be missing, there or shown twice;
 * nothing is shown where there is no such set. Throws NetlinkError.
 */
export async function visitElements(
  table: string,
  set: string,
  visit: (element: RulesetElement) => boolean,
): Promise<void> {
  using socket = openDump(table, set)
  const slots = makeSlots(DUMPED, 1)
  for (let failures = 0; failures < PATIENCE.times; ) {
    const count = await socket.receiveLater(slots)
    if (count <= 0) {
      failures++
      await sleep(PATIENCE.ms)
    } else if (show(slots.datagram(0), visit)) return
  }
  throw new NetlinkError('failed', `the kernel does not tell the elements of ${set}`, 0)
}

/** The same at once, for a few: at most `most` of them, whichever come first; `family` as NFPROTO_… of linux/netfilter.h has it. */
export function firstElements(
  table: string,
  set: string,
  most: number,
  family = NFPROTO_INET,
): readonly RulesetElement[] {
  using socket = openDump(table, set, family)
  const slots = makeSlots(DUMPED, 1)
  const found: RulesetElement[] = []
  while (found.length < most) {
    const count = socket.receive(slots)
    if (count <= 0)
      throw new NetlinkError('failed', `the kernel does not tell the elements of ${set}`, -count)
    if (show(slots.datagram(0), element => found.push(element) < most)) break
  }
  return found
}

/** All elements of a set, each once, read as `visitElements` shows them: undefined when there are more than `most`. Throws NetlinkError. */
export async function readElements(
  table: string,
  set: string,
  most: number,
): Promise<readonly RulesetElement[] | undefined> {
  const found = new Map<string, RulesetElement>()
  await visitElements(table, set, element => {
    found.set(nameOf(element.key), element)
    return found.size <= most
  })
  return found.size > most ? undefined : [...found.values()]
}

/** How many elements such a set has, found out in the same way; nothing is kept of them, and who is told twice counts twice. */
export async function countElements(table: string, set: string, most: number): Promise<number | undefined> {
  let count = 0
  await visitElements(table, set, () => ++count <= most)
  return count > most ? undefined : count
}

/** A string of as many characters as there are bytes. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

function openDump(table: string, set: string, family = NFPROTO_INET): NetlinkSocket {
  const socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  return closedIfThrown(socket, () => socket.send(askElements(table, set, family)))
}

/** Whether there is nothing more to be shown. */
function show(datagram: Uint8Array, visit: (element: RulesetElement) => boolean): boolean {
  for (const message of readRulesetDatagram(datagram)) {
    if ('end' in message) {
      // There is no such set, or not any more.
      if (message.end.errno === 0 || message.end.errno === ERRNO.ENOENT) return true
      throw new NetlinkError(
        'failed',
        'the kernel broke off telling the elements of a set',
        message.end.errno,
      )
    }
    if ('change' in message && message.change.kind === 'element')
      for (const element of message.change.elements) if (!visit(element)) return true
  }
  return false
}

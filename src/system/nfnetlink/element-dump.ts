/** Reads the elements of a set of nf_tables without stopping the event loop, or only the first. */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetlinkError } from './error.ts'
import { buildRequest } from './message.ts'
import { type RulesetElement, readRulesetDatagram } from './ruleset-parse.ts'
import { makeSlots } from './slots.ts'
import { type NetlinkSocket, openSocket } from './socket.ts'

const NETLINK_NETFILTER = 12
/** Of linux/netfilter.h. */
const NFPROTO_INET = 1
/** The kernel makes the next piece when half of it is read. */
const RECEIVE_BUFFER = 256 * 1024
/** The kernel dumps up to 32 KB in one datagram. */
const DUMPED = 64 * 1024
const GETSETELEM = 13
const ATTRIBUTE = { table: 1, set: 2 }
const DUMP = 0x300

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

/** The same at once, for a few: at most `most` of them, whichever come first. */
export function firstElements(table: string, set: string, most: number): readonly RulesetElement[] {
  using socket = openDump(table, set)
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

/**
 * All elements of a set, read as `visitElements` shows them: undefined when there are more than `most`. Throws NetlinkError.
 */
export async function readElements(
  table: string,
  set: string,
  most: number,
): Promise<readonly RulesetElement[] | undefined> {
  const found: RulesetElement[] = []
  await visitElements(table, set, element => found.push(element) <= most)
  return found.length > most ? undefined : found
}

function openDump(table: string, set: string): NetlinkSocket {
  using opening = new DisposableStack()
  const socket = opening.use(openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER))
  socket.send(
    buildRequest({
      subsystem: 'nftables',
      type: GETSETELEM,
      family: NFPROTO_INET,
      group: 0,
      sequence: 1,
      acknowledge: false,
      flags: DUMP,
      attributes: [
        { type: ATTRIBUTE.table, value: Buffer.from(`${table}\0`) },
        { type: ATTRIBUTE.set, value: Buffer.from(`${set}\0`) },
      ],
    }),
  )
  opening.move()
  return socket
}

/** Whether there is nothing more to be shown. */
function show(datagram: Uint8Array, visit: (element: RulesetElement) => boolean): boolean {
  for (const message of readRulesetDatagram(datagram)) {
    if ('end' in message) return true
    if ('change' in message && message.change.kind === 'element')
      for (const element of message.change.elements) if (!visit(element)) return true
  }
  return false
}

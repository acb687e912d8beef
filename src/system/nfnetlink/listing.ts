/**
 * Reads the elements of a set without stopping the event loop. A listing is no snapshot: when the set grows or shrinks meanwhile, the
 * kernel may tell an element twice, or leave one out that is there all the time, and does not say that it did
 * (NLM_F_DUMP_INTR is about transactions). Whoever concludes something from an absence asks again: find-elements.ts.
 */
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { type RulesetElement, readRulesetDatagram } from './ruleset-parse.ts'
import { askElements } from './set-request.ts'
import { makeSlots } from './slots.ts'
import { openSocket } from './socket.ts'

const NETLINK_NETFILTER = 12
/** The kernel dumps up to 32 KB in one datagram, and goes through the set from its beginning for each: one a turn of the loop. */
const DUMPED = 64 * 1024
const RECEIVE_BUFFER = 256 * 1024

/**
 * The elements of a set of family inet, each once, read piece by piece, at most `most` of them: undefined when there are
 * more, no elements when there is no such set. The kernel's work grows with the square of their number. Throws NetlinkError.
 */
export async function readElements(
  table: string,
  set: string,
  most: number,
): Promise<readonly RulesetElement[] | undefined> {
  using socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  socket.send(askElements(table, set))
  const { promise, resolve, reject } = Promise.withResolvers<readonly RulesetElement[] | undefined>()
  const slots = makeSlots(DUMPED, 1)
  const found = new Map<string, RulesetElement>()

  function end(errno: number): void {
    const isWhole = errno === 0 || (errno === ERRNO.ENOENT && found.size === 0)
    if (isWhole) resolve([...found.values()])
    else reject(new NetlinkError('failed', `the listing of ${set} broke off`, errno))
  }

  function onReceived(): void {
    for (const message of readRulesetDatagram(slots.datagram(0))) {
      if ('end' in message) end(message.end.errno)
      else if ('change' in message && message.change.kind === 'element')
        for (const element of message.change.elements) found.set(nameOf(element.key), element)
    }
    if (found.size > most) resolve(undefined)
  }

  socket.watch(slots, onReceived, reject, 1)
  return await promise
}

/** A string of as many characters as there are bytes. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

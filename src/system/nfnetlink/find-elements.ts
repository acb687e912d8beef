/** Asks for single elements of a set: what that costs does not depend on how many it holds. */
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { type RulesetElement, type RulesetMessage, readRulesetDatagram } from './ruleset-parse.ts'
import { askElement, askSet } from './set-request.ts'
import { makeSlots, type Slots } from './slots.ts'
import { type NetlinkSocket, openSocket } from './socket.ts'

const NETLINK_NETFILTER = 12
/** Questions of one datagram; each answer takes about 5 KB of the receive buffer, which an ordinary user's socket has 200 KB of. */
const AT_ONCE = 32
const RECEIVE_BUFFER = 1024 * 1024
const ANSWER = 4096

/**
 * For each key the element, or undefined when it is not in the set, in order; undefined when there is no such set of family inet.
 * Throws NetlinkError.
 */
export function findElements(
  table: string,
  set: string,
  keys: readonly Uint8Array[],
): readonly (RulesetElement | undefined)[] | undefined {
  using socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  const slots = makeSlots(ANSWER, AT_ONCE)
  const found: (RulesetElement | undefined)[] = []
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const some = keys.slice(at, at + AT_ONCE)
    const answers = ask(
      socket,
      slots,
      some.map(key => askElement(table, set, key)),
    )
    for (const answer of answers) found.push(elementIn(answer))
  }
  // That there is no such set, and no such element in it, is the same errno.
  if (found.some(element => element !== undefined)) return found
  const [itself] = ask(socket, slots, [askSet(table, set)])
  return isMissing(itself!) ? undefined : found
}

function elementIn(answer: RulesetMessage): RulesetElement | undefined {
  if (isMissing(answer)) return undefined
  return 'change' in answer && answer.change.kind === 'element' ? answer.change.elements[0] : undefined
}

/** Throws for any other error. */
function isMissing(answer: RulesetMessage): boolean {
  if (!('end' in answer)) return false
  if (answer.end.errno === ERRNO.ENOENT) return true
  throw new NetlinkError('failed', 'the kernel does not tell of an element', answer.end.errno)
}

/** The kernel answers each question once, in order, before sending returns; an answer that got lost is an error, not an absence. */
function ask(
  socket: NetlinkSocket,
  slots: Slots,
  questions: readonly Uint8Array[],
): readonly RulesetMessage[] {
  socket.send(Buffer.concat(questions))
  const answers: RulesetMessage[] = []
  while (answers.length < questions.length) {
    const count = socket.receive(slots)
    if (count === -ERRNO.EINTR) continue
    if (count <= 0) throw new NetlinkError('failed', 'the kernel does not answer', -count)
    for (let slot = 0; slot < count; slot++) answers.push(...readRulesetDatagram(slots.datagram(slot)))
  }
  return answers
}

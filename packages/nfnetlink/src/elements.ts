/** Changes what is in a table, its elements by the thousand, and asks for single ones: without libnftables, and that fast. */
import { writeElementBatch, writeElementQuestions } from './element-batch.ts'
import { firstElements } from './element-dump.ts'
import { NetlinkError, type NetlinkErrorCode } from './error.ts'
import { intervalsThere } from './intervals.ts'
import { ERRNO } from './libc.ts'
import { type RulesetElement, readAnswer, readRulesetDatagram } from './ruleset-parse.ts'
import { askSet } from './set-request.ts'
import { makeSlots } from './slots.ts'
import { openSocket } from './socket.ts'
import { isOfElements, isOfRanges, type SetElement, type TableChange } from './table-change.ts'
import { commitThose, type Kernel } from './without-destroy.ts'

export interface Elements extends Disposable {
  /**
   * All changes as one transaction: all of them or, when it throws a NetlinkError, none. More than about 5,000 elements
   * at once may be too large. Names are ASCII. Where the kernel cannot destroy, and in sets of intervals, those who only destroy take several
   * transactions.
   */
  change(changes: readonly TableChange[]): void
  /**
   * Those of these that are in the set: one question for each, which takes the same time however many elements there are. None
   * where there is no such set. Throws NetlinkError.
   */
  ask(set: string, keys: readonly Key[]): readonly RulesetElement[]
  /** Takes out those of these that are in the set, and tells which these were. Throws NetlinkError. */
  take(set: string, keys: readonly Key[]): readonly Key[]
  /** Whether there is such a set. */
  exists(set: string): boolean
}

export interface ElementsOptions {
  /** The kernel cannot destroy, or is taken for one that cannot; unless told, it is tried. */
  readonly withoutDestroy?: boolean
}

type Key = SetElement['key']

const NETLINK_NETFILTER = 12
/** For answers only, which are short: at most one for each message of a transaction. */
const RECEIVE_BUFFER = 256 * 1024
const ANSWER = 4096
const BUFFER = 64 * 1024
/** A buffer that was made for a larger transaction is kept for the next one, unless it is larger than this. */
const KEPT_MAX = 1024 * 1024
/** Questions of one go; each answer takes about 5 KB of the receive buffer, which an ordinary user's socket has 200 KB of. */
const ASKED_AT_ONCE = 32
/** Elements of a set of intervals that are looked at, to see which are there: two for each. */
const INTERVALS_MAX = 65_536
/** A signal makes the kernel leave a transaction, with EINTR or without a word. */
const ATTEMPTS = 5

const CODES: Readonly<Record<number, NetlinkErrorCode>> = {
  [ERRNO.EPERM]: 'no-permission',
  [ERRNO.ENOENT]: 'missing',
  [ERRNO.ENFILE]: 'full',
  [ERRNO.EMSGSIZE]: 'too-large',
  [ERRNO.EBUSY]: 'busy',
}

/** Opens a socket of its own to the sets of this table, of family inet; throws NetlinkError. Changing needs CAP_NET_ADMIN. */
export function openElements(table: string, options: ElementsOptions = {}): Elements {
  let { withoutDestroy = false } = options
  const socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  const slots = makeSlots(ANSWER, ASKED_AT_ONCE)
  let buffer: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(BUFFER))

  /** The kernel acts, and answers, before sending returns: whatever it has to say is there. */
  function* datagrams(): Generator<Uint8Array> {
    for (;;) {
      const count = socket.receive(slots)
      if (count === -ERRNO.EINTR) continue
      if (count <= 0) return
      for (let slot = 0; slot < count; slot++) yield slots.datagram(slot)
    }
  }

  /** The first errno, 0 when there is none. */
  function attempt(batch: Uint8Array): number {
    for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
      const unsent = socket.trySend(batch)
      if (unsent !== 0) return unsent
      const told = errnosIn(datagrams())
      const refused = told.find(errno => errno !== 0)
      if (refused !== undefined && refused !== ERRNO.EINTR) return refused
      if (refused === undefined && told.length > 0) return 0
    }
    return ERRNO.EINTR
  }

  function refuse(doing: string, errno: number): never {
    throw new NetlinkError(
      CODES[errno] ?? 'failed',
      `the kernel refused to ${doing} what is in table ${table}`,
      errno,
    )
  }

  /** Calls with the place among the keys, and the datagram that tells it, for each that is there. */
  function eachThere(
    set: string,
    keys: readonly Key[],
    found: (place: number, told: Uint8Array) => void,
  ): void {
    for (let from = 0; from < keys.length; from += ASKED_AT_ONCE) {
      const some = keys.slice(from, from + ASKED_AT_ONCE)
      const unsent = socket.trySend(writeElementQuestions(table, set, some))
      if (unsent !== 0) refuse('tell', unsent)
      let told = 0
      for (const datagram of datagrams()) {
        const { sequence, errno } = readAnswer(datagram)
        if (errno === 0) found(from + sequence, datagram)
        else if (errno !== ERRNO.ENOENT) refuse('tell', errno)
        told++
      }
      if (told < some.length) refuse('tell', ERRNO.ENOBUFS)
    }
  }

  function ask(set: string, keys: readonly Key[]): readonly RulesetElement[] {
    const found: RulesetElement[] = []
    eachThere(set, keys, (_, datagram) => found.push(...elementsIn(datagram)))
    return found
  }

  const there: Kernel['there'] = (set, elements) => {
    if (elements.some(isInterval)) return intervalsThere(elements, firstElements(table, set, INTERVALS_MAX))
    const found: ReturnType<Kernel['there']>[number][] = []
    eachThere(
      set,
      elements.map(({ key }) => key),
      (place, datagram) => {
        const [told] = elementsIn(datagram)
        found.push({ element: elements[place]!, expiresMs: told?.expiresMs })
      },
    )
    return found
  }

  /** Those that are there, in their order. */
  function whichAre(set: string, keys: readonly Key[]): readonly Key[] {
    const found: Key[] = []
    eachThere(set, keys, place => found.push(keys[place]!))
    return found
  }

  function exists(set: string): boolean {
    const unsent = socket.trySend(askSet(table, set))
    if (unsent !== 0) refuse('tell', unsent)
    const [answer] = [...datagrams()].map(readAnswer)
    if (answer === undefined) return refuse('tell', ERRNO.ENOBUFS)
    if (answer.errno !== 0 && answer.errno !== ERRNO.ENOENT) refuse('tell', answer.errno)
    return answer.errno === 0
  }

  /** The errno, 0 when it is done. */
  function commit(changes: readonly TableChange[]): number {
    if (changes.every(isEmpty)) return 0
    const batch = writeElementBatch(buffer, table, changes)
    if (batch.buffer !== buffer.buffer && batch.buffer.byteLength <= KEPT_MAX)
      buffer = new Uint8Array(batch.buffer)
    return attempt(batch)
  }

  const kernel: Kernel = { commit, there, exists }

  /** An older kernel does not know the message that destroys, and says that it is invalid. */
  function commitAny(changes: readonly TableChange[]): number {
    const destroys = changes.some(({ op }) => op === 'destroy')
    if (!destroys || !withoutDestroy) {
      const refused = commitThose(changes, ({ elements }) => elements.some(isInterval), kernel)
      if (!destroys || refused !== ERRNO.EINVAL) return refused
    }
    const refused = commitThose(changes, () => true, kernel)
    withoutDestroy ||= refused === 0
    return refused
  }

  function change(changes: readonly TableChange[]): void {
    const refused = commitAny(changes)
    if (refused !== 0) refuse('change', refused)
  }

  /** False when one of them is not there, and so all of them stay. */
  function remove(set: string, keys: readonly Key[]): boolean {
    if (keys.length === 0) return true
    const refused = commit([{ op: 'delete', set, elements: keys.map(key => ({ key })) }])
    if (refused !== 0 && refused !== ERRNO.ENOENT) refuse('change', refused)
    return refused === 0
  }

  return {
    change,
    ask,
    exists,
    take(set, keys) {
      let left = distinct(keys)
      for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
        left = whichAre(set, left)
        // Between the question and the deletion one may go by itself, when its time is over.
        if (remove(set, left)) return left
      }
      return left.filter(key => remove(set, [key]))
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  }
}

function errnosIn(datagrams: Iterable<Uint8Array>): number[] {
  const found: number[] = []
  for (const datagram of datagrams)
    for (const message of readRulesetDatagram(datagram)) if ('end' in message) found.push(message.end.errno)
  return found
}

function isEmpty(change: TableChange): boolean {
  return (
    (isOfElements(change) && change.elements.length === 0) ||
    (isOfRanges(change) && change.ranges.length === 0)
  )
}

function isInterval({ to }: SetElement): boolean {
  return to !== undefined
}

/** Each once: to delete the same twice refuses the transaction. */
function distinct(keys: readonly Key[]): readonly Key[] {
  return [...new Map(keys.map(key => [typeof key === 'number' ? key : key.join(), key] as const)).values()]
}

function elementsIn(datagram: Uint8Array): readonly RulesetElement[] {
  const found: RulesetElement[] = []
  for (const message of readRulesetDatagram(datagram))
    if ('change' in message && message.change.kind === 'element') found.push(...message.change.elements)
  return found
}

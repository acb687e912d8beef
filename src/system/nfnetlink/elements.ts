/** Puts elements into the sets of a table, and takes them out: nothing else of nf_tables, but that fast. */
import { type ElementChange, writeElementBatch } from './element-batch.ts'
import { NetlinkError, type NetlinkErrorCode } from './error.ts'
import { findElements } from './find-elements.ts'
import { ERRNO } from './libc.ts'
import { readRulesetDatagram } from './ruleset-parse.ts'
import { makeSlots } from './slots.ts'
import { openSocket } from './socket.ts'
import { commitWithoutDestroy } from './without-destroy.ts'

export interface Elements extends Disposable {
  /**
   * All changes as one transaction: all of them or, when it throws a NetlinkError, none. More than about 5,000 elements
   * at once may be too large. Names are ASCII. Where the kernel cannot destroy, those who only destroy take several transactions.
   */
  change(changes: readonly ElementChange[]): void
}

const NETLINK_NETFILTER = 12
/** For answers only, which are short: at most one for each message of a transaction. */
const RECEIVE_BUFFER = 256 * 1024
const ANSWER = 256
const BUFFER = 64 * 1024
/** A signal makes the kernel leave a transaction, with EINTR or without a word. */
const ATTEMPTS = 5

const CODES: Readonly<Record<number, NetlinkErrorCode>> = {
  [ERRNO.EPERM]: 'no-permission',
  [ERRNO.ENOENT]: 'missing',
  [ERRNO.ENFILE]: 'full',
  [ERRNO.EMSGSIZE]: 'too-large',
}

export interface ElementsOptions {
  /** The kernel cannot destroy, or is taken for one that cannot; unless told, it is tried. */
  readonly withoutDestroy?: boolean
}

/** Opens a socket of its own to the sets of this table, of family inet; throws NetlinkError. Changing needs CAP_NET_ADMIN. */
export function openElements(table: string, options: ElementsOptions = {}): Elements {
  let { withoutDestroy = false } = options
  const socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  const slots = makeSlots(ANSWER, 16)
  let buffer: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(BUFFER))

  /** The kernel acts, and answers, before sending returns: whatever it has to say is there. */
  function answers(): number[] {
    const errnos: number[] = []
    for (;;) {
      const count = socket.receive(slots)
      if (count === -ERRNO.EINTR) continue
      if (count <= 0) return errnos
      for (let slot = 0; slot < count; slot++)
        for (const message of readRulesetDatagram(slots.datagram(slot)))
          if ('end' in message) errnos.push(message.end.errno)
    }
  }

  /** The first errno, 0 when there is none. */
  function attempt(batch: Uint8Array): number {
    for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
      const unsent = socket.trySend(batch)
      if (unsent !== 0) return unsent
      const errnos = answers()
      const refused = errnos.find(errno => errno !== 0)
      if (refused !== undefined && refused !== ERRNO.EINTR) return refused
      if (refused === undefined && errnos.length > 0) return 0
    }
    return ERRNO.EINTR
  }

  /** The errno, 0 when it is done. */
  function commit(changes: readonly ElementChange[]): number {
    const batch = writeElementBatch(buffer, table, changes)
    if (batch.buffer !== buffer.buffer) buffer = new Uint8Array(batch.buffer)
    return attempt(batch)
  }

  /** An older kernel does not know that message at all, and says that it is invalid. */
  function commitAny(changes: readonly ElementChange[]): number {
    const destroys = changes.some(({ op }) => op === 'destroy')
    const refused = destroys && withoutDestroy ? ERRNO.EINVAL : commit(changes)
    if (!destroys || refused !== ERRNO.EINVAL) return refused
    const refusedAgain = commitWithoutDestroy(changes, { commit, find })
    withoutDestroy ||= refusedAgain === 0
    return refusedAgain
  }

  const find = (set: string, keys: readonly Uint8Array[]) => findElements(table, set, keys)

  return {
    change(changes) {
      if (changes.every(({ elements }) => elements.length === 0)) return
      const refused = commitAny(changes)
      if (refused === 0) return
      const code = CODES[refused] ?? 'failed'
      throw new NetlinkError(code, `the kernel refused to change elements of ${table}`, refused)
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  }
}

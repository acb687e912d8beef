/**
 * Questions about tables, chains, sets, rules and the like, and what nf_tables answers. All of it is small: elements, of which there
 * may be many, are read by element-dump.ts.
 */
import { nameBytes } from './attributes.ts'
import { NetlinkError } from './error.ts'
import { ERRNO } from './libc.ts'
import { buildRequest, HOST_LITTLE_ENDIAN, messages, SUBSYSTEM } from './message.ts'
import { makeSlots, type Slots } from './slots.ts'
import { type NetlinkSocket, openSocket } from './socket.ts'

/** NFT_MSG_GET… of linux/netfilter/nf_tables.h. */
export const GET = { table: 1, chain: 4, rule: 7, set: 10, elements: 13, gen: 16, object: 19, flowtable: 23 }

/** NFPROTO_… of linux/netfilter.h: families that tables have, as nft calls them. 0 in a question: all. */
export const FAMILIES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
}
export const NFPROTO = { all: 0, inet: 1 }

export interface Answer {
  readonly family: number
  /** The attributes. */
  readonly body: Uint8Array
}

export interface Question {
  readonly type: number
  readonly family: number
  /** Names, by the type of their attribute. */
  readonly names?: Readonly<Record<number, string>>
  /** All of them, and not one. */
  readonly isDump: boolean
}

/** Asks in one socket. */
export interface Asker extends Disposable {
  /** Nothing where there is nothing of that name. Throws NetlinkError. */
  ask(question: Question): readonly Answer[]
  /** Something was changed while a dump was made, since this was asked last: it may lack what was there all the time. */
  wasDisturbed(): boolean
}

const NETLINK_NETFILTER = 12
const RECEIVE_BUFFER = 256 * 1024
/** The kernel dumps up to 32 KB in one datagram. */
const DUMPED = 64 * 1024
/** NLM_F_ROOT and NLM_F_MATCH, NLM_F_DUMP_INTR of linux/netlink.h. */
const DUMP = 0x300
const DUMP_INTERRUPTED = 0x10
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
/** Times that the kernel may be interrupted, or without memory, before it has answered. */
const ATTEMPTS = 100
const HEADER = 16
const NFGENMSG = 4

/**
 * The socket of whoever asked last, for the next one. To close a socket of netfilter after a transaction takes until the kernel has thrown
 * away what that removed: ten milliseconds and more.
 */
let kept: Asker | undefined

/** As `Asker`, of the network namespace in which this process began to ask. */
export function openAsker(): Asker {
  const asker = kept ?? newAsker()
  kept = undefined
  return asker
}

function newAsker(): Asker {
  const socket = openSocket(NETLINK_NETFILTER, 0, RECEIVE_BUFFER)
  const slots = makeSlots(DUMPED, 1)
  let disturbed = false
  /** The rest of an answer may still come. */
  let isBroken = false
  const asker: Asker = {
    ask(question) {
      isBroken = true
      const answers = answersTo(question, socket, slots, () => {
        disturbed = true
      })
      isBroken = false
      return answers
    },
    wasDisturbed() {
      const was = disturbed
      disturbed = false
      return was
    },
    [Symbol.dispose]() {
      disturbed = false
      if (isBroken || kept !== undefined) socket[Symbol.dispose]()
      else kept = asker
    },
  }
  return asker
}

function answersTo(
  question: Question,
  socket: NetlinkSocket,
  slots: Slots,
  interrupted: () => void,
): readonly Answer[] {
  socket.send(requestOf(question))
  const answers: Answer[] = []
  for (;;) {
    for (const message of messages(nextDatagram(socket, slots))) {
      const view = new DataView(message.buffer, message.byteOffset, message.length)
      const type = view.getUint16(4, HOST_LITTLE_ENDIAN)
      if ((view.getUint16(6, HOST_LITTLE_ENDIAN) & DUMP_INTERRUPTED) !== 0) interrupted()
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const errno = message.length < HEADER + 4 ? 0 : -view.getInt32(HEADER, HOST_LITTLE_ENDIAN)
        if (errno !== 0 && errno !== ERRNO.ENOENT) throw refused(errno)
        return answers
      }
      if (type >> 8 === SUBSYSTEM.nftables && message.length >= HEADER + NFGENMSG)
        answers.push({ family: message[HEADER]!, body: message.slice(HEADER + NFGENMSG) })
    }
    if (!question.isDump) return answers
  }
}

function requestOf({ type, family, names = {}, isDump }: Question): Uint8Array {
  return buildRequest({
    subsystem: 'nftables',
    type,
    family,
    group: 0,
    sequence: 1,
    acknowledge: false,
    flags: isDump ? DUMP : 0,
    attributes: Object.entries(names).map(([type, name]) => ({ type: Number(type), value: nameBytes(name) })),
  })
}

/** The kernel makes the next piece of an answer when it is asked for it: nobody waits. */
function nextDatagram(socket: NetlinkSocket, slots: Slots): Uint8Array {
  let errno = 0
  for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
    const count = socket.receive(slots)
    if (count > 0) return slots.datagram(0)
    errno = -count
  }
  throw refused(errno)
}

function refused(errno: number): NetlinkError {
  return new NetlinkError(
    errno === ERRNO.EPERM ? 'no-permission' : 'failed',
    'the kernel does not tell its rules',
    errno,
  )
}

/**
 * A program that asks the kernel for single elements of a set, and for their number: that costs it little, while the work of
 * a listing grows with the square. Question in by standard input, answer out, both JSON; IPv4 sets of `table inet filter`.
 */
import { text } from 'node:stream/consumers'
import { buildRequest, HOST_LITTLE_ENDIAN } from '../../packages/nfnetlink/src/message.ts'
import { readRulesetDatagram } from '../../packages/nfnetlink/src/ruleset-parse.ts'
import { makeSlots } from '../../packages/nfnetlink/src/slots.ts'
import { openSocket } from '../../packages/nfnetlink/src/socket.ts'
import type { Host } from './world.ts'

export interface Question {
  readonly set: string
  readonly elements: readonly string[]
}

export interface Answer {
  /** How many elements there are, if the kernel tells: from 6.17 on. */
  readonly count?: number
  /** For each element that is there: until when, in milliseconds since the epoch. */
  readonly until: Readonly<Record<string, number>>
}

const NETLINK_NETFILTER = 12
const NFPROTO_INET = 1
/** Numbers of linux/netfilter/nf_tables.h; NFTA_SET_COUNT is younger than most headers. */
const MESSAGE = { getSet: 10, getElement: 13 }
const ATTRIBUTE = { table: 1, set: 2, elements: 3, element: 1, key: 1, value: 1, count: 20 }
const NESTED = 0x8000

export async function askSet(host: Host, question: Question): Promise<Answer> {
  const input = JSON.stringify(question)
  return JSON.parse(await host.must([process.execPath, import.meta.filename], { input }))
}

const table = { type: ATTRIBUTE.table, value: Buffer.from('filter\0') }

/** The kernel has answered when the question is sent. */
function ask(type: number, attributes: Parameters<typeof buildRequest>[0]['attributes']): Uint8Array {
  using socket = openSocket(NETLINK_NETFILTER, 0, 1024 * 1024)
  const slots = makeSlots(16 * 1024, 1)
  socket.send(
    buildRequest({
      subsystem: 'nftables',
      type,
      family: NFPROTO_INET,
      group: 0,
      sequence: 1,
      acknowledge: false,
      attributes: [table, ...attributes],
    }),
  )
  if (socket.receive(slots) !== 1) throw new Error('the kernel does not answer')
  return slots.datagram(0)
}

/** How many elements a set has in this network namespace, if the kernel tells: from 6.17 on. */
export function countOf(set: string): number | undefined {
  return countIn(ask(MESSAGE.getSet, [{ type: ATTRIBUTE.set, value: Buffer.from(`${set}\0`) }]))
}

function answer({ set, elements }: Question): Answer {
  const until: Record<string, number> = {}
  for (const element of elements) {
    const value = nested(ATTRIBUTE.value, Uint8Array.from(element.split('.').map(Number)))
    const list = nested(ATTRIBUTE.element | NESTED, nested(ATTRIBUTE.key | NESTED, value))
    const found = ask(MESSAGE.getElement, [
      { type: ATTRIBUTE.set, value: Buffer.from(`${set}\0`) },
      { type: ATTRIBUTE.elements | NESTED, value: list },
    ])
    for (const message of readRulesetDatagram(found))
      if ('change' in message && message.change.kind === 'element')
        until[element] = Date.now() + (message.change.elements[0]?.expiresMs ?? Number.NaN)
  }
  const count = countOf(set)
  return count === undefined ? { until } : { count, until }
}

function nested(type: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(4)
  header[HOST_LITTLE_ENDIAN ? 'writeUInt16LE' : 'writeUInt16BE'](4 + value.length, 0)
  header[HOST_LITTLE_ENDIAN ? 'writeUInt16LE' : 'writeUInt16BE'](type, 2)
  return Buffer.concat([header, value, Buffer.alloc(-value.length & 3)])
}

/** Behind the header of the message and that of nfnetlink, attribute after attribute. */
function countIn(datagram: Uint8Array): number | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length)
  for (let at = 20; at + 8 <= datagram.length; ) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < 4) return undefined
    if ((view.getUint16(at + 2, HOST_LITTLE_ENDIAN) & 0x3fff) === ATTRIBUTE.count)
      return view.getUint32(at + 4)
    at += (length + 3) & ~3
  }
  return undefined
}

if (import.meta.main) console.log(JSON.stringify(answer(JSON.parse(await text(process.stdin)))))

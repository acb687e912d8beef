/**
 * Changes of a table as one transaction of nf_tables, as bytes. Pure.
 *
 * A transaction is a message that begins it, one or more that put elements into a set or take them out, or change something else
 * (table-change.ts), and one that ends it (linux/netfilter/nfnetlink.h). Everything is written into one buffer in one pass, since a flood brings
 * elements by the ten thousand: an element of four bytes with a timeout takes 28. Questions for single elements are written here
 * as well; they need no transaction.
 */
import { align, HOST_LITTLE_ENDIAN, SUBSYSTEM } from './message.ts'
import {
  type ElementChange,
  isOfElements,
  isOfRanges,
  messageOf,
  type RangesChange,
  type SetElement,
  type TableChange,
  type TableMessage,
} from './table-change.ts'

const HEADER = 16
const ATTRIBUTE = 4
const [BATCH_BEGIN, BATCH_END] = [16, 17]
/** NFT_MSG_NEWSETELEM, GETSETELEM, DELSETELEM, DESTROYSETELEM of linux/netfilter/nf_tables.h. */
const MESSAGE = { add: 12, get: 13, delete: 14, destroy: 30 } as const
const FLAG = { request: 0x1, acknowledge: 0x4, create: 0x400 }
const NFPROTO_INET = 1
/** Attributes of linux/netfilter/nf_tables.h. */
const LIST = { table: 1, set: 2, elements: 3, element: 1 }
const ELEMENT = { key: 1, flags: 3, timeout: 4 }
/** NFT_SET_ELEM_INTERVAL_END: the kernel keeps the end of an interval as an element of its own, which has no timeout. */
const INTERVAL_END = 1
const DATA_VALUE = 1
const NESTED = 0x8000
/** Headers and the timeout, or the flags, of one element, without its key. */
const ELEMENT_SIZE = 6 * ATTRIBUTE
/** The elements of one message, whose length is a number of 16 bits. */
const MESSAGE_MAX = 60_000

/**
 * Writes the transaction, of a table of family inet, into this buffer, or into a larger one when it does not fit;
 * returns what was written. The kernel is asked for an answer to the last change.
 */
export function writeElementBatch(
  buffer: Uint8Array<ArrayBuffer>,
  table: string,
  changes: readonly TableChange[],
): Uint8Array<ArrayBuffer> {
  const pieces = changes.flatMap((change): Piece[] =>
    isOfElements(change)
      ? inMessages(change)
      : isOfRanges(change)
        ? rangesInMessages(change)
        : [messageOf(table, change)],
  )
  const size = pieces.reduce((sum, piece) => sum + sizeOfPiece(table, piece), 2 * (HEADER + ATTRIBUTE))
  const into = writer(size <= buffer.length ? buffer : new Uint8Array(size))
  into.message(BATCH_BEGIN, 0, 0, SUBSYSTEM.nftables, () => {})
  for (const [i, piece] of pieces.entries()) {
    const acknowledge = i === pieces.length - 1 ? FLAG.acknowledge : 0
    if ('body' in piece) {
      const { type, flags, body } = piece
      into.message(typeOf(type), acknowledge | flags, NFPROTO_INET, 0, () => into.bytes(body))
    } else if ('ranges' in piece) {
      const { op } = piece
      const flags = acknowledge | (op === 'add-ranges' ? FLAG.create : 0)
      const type = typeOf(op === 'add-ranges' ? MESSAGE.add : MESSAGE.delete)
      into.message(type, flags, NFPROTO_INET, 0, () => into.ranges(table, piece))
    } else {
      const { op, set, elements } = piece
      const flags = acknowledge | (op === 'add' ? FLAG.create : 0)
      into.message(typeOf(MESSAGE[op]), flags, NFPROTO_INET, 0, () => into.elements(table, set, elements))
    }
  }
  into.message(BATCH_END, 0, 0, SUBSYSTEM.nftables, () => {})
  return into.written()
}

/**
 * Questions for these elements, whose keys are equally long, one message each: it is answered with its place among them as the sequence,
 * by the element, or by ENOENT. In one message the kernel would leave off at the first that is not there.
 */
export function writeElementQuestions(
  table: string,
  set: string,
  keys: readonly SetElement['key'][],
): Uint8Array<ArrayBuffer> {
  const length = lengthOf(keys[0] ?? 0)
  const room = HEADER + 2 * ATTRIBUTE + namesSize(table, set) + ELEMENT_SIZE + align(length)
  const bytes = new Uint8Array(room * keys.length)
  if (keys.length === 0) return bytes
  const into = writer(bytes)
  into.message(typeOf(MESSAGE.get), 0, NFPROTO_INET, 0, () => into.elements(table, set, [{ key: keys[0]! }]))
  const size = into.written().length
  const view = new DataView(bytes.buffer)
  for (let place = 1; place < keys.length; place++) {
    const start = place * size
    const key = keys[place]!
    if (lengthOf(key) !== length) throw new RangeError('the keys of one set are equally long')
    bytes.copyWithin(start, 0, size)
    view.setUint32(start + 8, place, HOST_LITTLE_ENDIAN)
    // The key is the last in the message.
    if (typeof key === 'number') view.setUint32(start + size - 4, key)
    else bytes.set(key, start + size - align(length))
  }
  return bytes.subarray(0, size * keys.length)
}

function typeOf(message: number): number {
  return (SUBSYSTEM.nftables << 8) | message
}

/** What becomes one message. */
type Piece = ElementChange | RangesChange | TableMessage

/** At most. */
function sizeOfPiece(table: string, piece: Piece): number {
  if ('body' in piece) return HEADER + ATTRIBUTE + piece.body.length
  const size = 'ranges' in piece ? sizeOfRanges(piece) : sizeOf(piece.elements)
  return HEADER + 2 * ATTRIBUTE + namesSize(table, piece.set) + size
}

/** At most: of each range two elements. */
function sizeOfRanges({ ranges, words }: RangesChange): number {
  return (ranges.length / (2 * words)) * 2 * (ELEMENT_SIZE + 4 * words)
}

function rangesInMessages(change: RangesChange): RangesChange[] {
  const { ranges, words } = change
  const numbers = 2 * words * Math.floor(MESSAGE_MAX / (2 * (ELEMENT_SIZE + 4 * words)))
  const messages: RangesChange[] = []
  for (let from = 0; from < ranges.length; from += numbers)
    messages.push({ ...change, ranges: ranges.subarray(from, from + numbers) })
  return messages
}

function namesSize(table: string, set: string): number {
  return 2 * (ATTRIBUTE + 4) + table.length + set.length
}

/** The change in pieces, none too long for one message. */
function inMessages({ op, set, elements }: ElementChange): ElementChange[] {
  let longest = 0
  for (const element of elements) longest = Math.max(longest, sizeOfOne(element))
  const most = Math.floor(MESSAGE_MAX / longest)
  if (elements.length <= most) return elements.length === 0 ? [] : [{ op, set, elements }]
  const messages: ElementChange[] = []
  for (let i = 0; i < elements.length; i += most)
    messages.push({ op, set, elements: elements.slice(i, i + most) })
  return messages
}

function sizeOf(elements: readonly SetElement[]): number {
  let sum = 0
  for (const element of elements) sum += sizeOfOne(element)
  return sum
}

/** At most. */
function sizeOfOne({ key, to }: SetElement): number {
  const one = ELEMENT_SIZE + align(lengthOf(key))
  return to === undefined || to === null ? one : 2 * one
}

function lengthOf(key: SetElement['key']): number {
  return typeof key === 'number' ? 4 : key.length
}

/** Whether no address is behind it. */
function isLast(words: Uint32Array, from: number, count: number): boolean {
  for (let word = 0; word < count; word++) if (words[from + word] !== 0xffff_ffff) return false
  return true
}

/** The number that ends there becomes the next one. */
function increment(bytes: Uint8Array, end: number): void {
  for (let at = end - 1; ; at--) {
    bytes[at]!++ // Of 255 it makes 0, and the byte before counts.
    if (bytes[at] !== 0) return
  }
}

/** Messages and attributes in host byte order, what they carry in network byte order; lengths are filled in at the end. */
function writer(bytes: Uint8Array<ArrayBuffer>) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0

  function attribute(type: number, length: number): void {
    view.setUint16(at, ATTRIBUTE + length, HOST_LITTLE_ENDIAN)
    view.setUint16(at + 2, type, HOST_LITTLE_ENDIAN)
    at += ATTRIBUTE
  }

  return {
    message(type: number, flags: number, family: number, resource: number, content: () => void): void {
      const start = at
      bytes.fill(0, start, start + HEADER + ATTRIBUTE)
      view.setUint16(start + 4, type, HOST_LITTLE_ENDIAN)
      view.setUint16(start + 6, FLAG.request | flags, HOST_LITTLE_ENDIAN)
      view.setUint8(start + HEADER, family)
      view.setUint16(start + HEADER + 2, resource)
      at += HEADER + ATTRIBUTE
      content()
      view.setUint32(start, at - start, HOST_LITTLE_ENDIAN)
    },
    elements(table: string, set: string, elements: readonly SetElement[]): void {
      this.text(LIST.table, table)
      this.text(LIST.set, set)
      this.nest(LIST.elements, () => {
        for (const element of elements) {
          this.element(element.key, element.timeoutMs)
          if (element.to !== undefined && element.to !== null) this.end(element.to)
        }
      })
    },
    ranges(table: string, { set, ranges, words }: RangesChange): void {
      this.text(LIST.table, table)
      this.text(LIST.set, set)
      this.nest(LIST.elements, () => {
        for (let place = 0; place < ranges.length; place += 2 * words) {
          attribute(LIST.element | NESTED, 2 * ATTRIBUTE + 4 * words)
          this.words(ranges, place, words)
          if (isLast(ranges, place + words, words)) continue
          attribute(LIST.element | NESTED, 3 * ATTRIBUTE + 4 + 4 * words)
          attribute(ELEMENT.flags, 4)
          view.setUint32(at, INTERVAL_END)
          at += 4
          this.words(ranges, place + words, words)
          increment(bytes, at)
        }
      })
    },
    words(numbers: Uint32Array, from: number, words: number): void {
      attribute(ELEMENT.key | NESTED, ATTRIBUTE + 4 * words)
      attribute(DATA_VALUE, 4 * words)
      for (let word = 0; word < words; word++, at += 4) view.setUint32(at, numbers[from + word]!)
    },
    bytes(content: Uint8Array): void {
      bytes.set(content, at)
      at += content.length
    },
    text(type: number, text: string): void {
      attribute(type, text.length + 1)
      bytes.fill(0, at, at + align(text.length + 1))
      for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
      at += align(text.length + 1)
    },
    nest(type: number, content: () => void): void {
      const start = at
      at += ATTRIBUTE
      content()
      view.setUint16(start, at - start, HOST_LITTLE_ENDIAN)
      view.setUint16(start + 2, type | NESTED, HOST_LITTLE_ENDIAN)
    },
    element(key: SetElement['key'], timeoutMs: number | undefined): void {
      const value = align(lengthOf(key))
      attribute(LIST.element | NESTED, 2 * ATTRIBUTE + value + (timeoutMs === undefined ? 0 : ATTRIBUTE + 8))
      this.key(key)
      if (timeoutMs === undefined) return
      attribute(ELEMENT.timeout, 8)
      view.setUint32(at, Math.floor(timeoutMs / 2 ** 32))
      view.setUint32(at + 4, timeoutMs % 2 ** 32)
      at += 8
    },
    end(key: SetElement['key']): void {
      attribute(LIST.element | NESTED, 3 * ATTRIBUTE + 4 + align(lengthOf(key)))
      attribute(ELEMENT.flags, 4)
      view.setUint32(at, INTERVAL_END)
      at += 4
      this.key(key)
    },
    key(key: SetElement['key']): void {
      const length = lengthOf(key)
      const value = align(length)
      attribute(ELEMENT.key | NESTED, ATTRIBUTE + value)
      attribute(DATA_VALUE, length)
      if (typeof key === 'number') view.setUint32(at, key)
      else {
        bytes.set(key, at)
        bytes.fill(0, at + length, at + value)
      }
      at += value
    },
    written: () => bytes.subarray(0, at),
  }
}

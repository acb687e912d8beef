/** A list of prefixes as operators publish them: one a line, with # for comments. A hundred thousand take some ten milliseconds. */
import type { Family } from '../terms/address.ts'
import type { Collected } from '../terms/prefix-set.ts'
import type { Mistake } from './explain.ts'
import { prefix as kind } from './never.ts'

/** So many mistakes are told of one file: with more it is a file of another kind, and the rest of it is not looked at. */
const MISTAKES_MAX = 10
/**
 * The widest prefixes that a file may name. No operator publishes wider ones (Apple's 17.0.0.0/8 is the widest that is known); a program that writes
 * such a file, or whoever feeds it, could spare everybody with one.
 */
export const WIDEST_IN_FILE: Readonly<Record<Family, number>> = { 4: 8, 6: 16 }

/** Prefixes of all files together: 13 MB of memory here where all are of IPv6, and about 50 MB in the kernel. */
export const NEVER_MAX = 200_000

/** Adds them, of which there may be so many more; what is wrong is told with its place. */
export function readPrefixLines(text: string, collected: Collected, room = NEVER_MAX): Mistake[] {
  const mistakes: Mistake[] = []
  for (let start = 0; start < text.length && mistakes.length < MISTAKES_MAX; ) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    const line = text.slice(start, end)
    const hash = line.indexOf('#')
    const entry = (hash < 0 ? line : line.slice(0, hash)).trim()
    if (entry !== '') {
      const wrong = readEntry(entry, collected)
      if (wrong !== undefined) mistakes.push({ offset: start + line.indexOf(entry), ...wrong })
      if (collected.count() > room) return [...mistakes, { offset: start + line.indexOf(entry), ...TOO_MANY }]
    }
    start = end + 1
  }
  return mistakes
}

type WhatIsWrong = Pick<Mistake, 'problem' | 'advice'>

function readEntry(entry: string, collected: Collected): WhatIsWrong | undefined {
  const family = entry.includes(':') ? 6 : 4
  const length = family === 4 ? quickIPv4(entry) : quickIPv6(entry)
  if (length !== undefined && length >= WIDEST_IN_FILE[family])
    return void collected.addWords(family, words, length)
  const reading = kind.read(entry)
  if (!('value' in reading)) {
    const { problem = `is not ${kind.takes}` } = reading
    return {
      problem: `"${entry}" ${problem}`,
      advice: 'advice' in reading ? reading.advice : `write ${reading.write}`,
    }
  }
  const { value } = reading
  if (value.length < WIDEST_IN_FILE[value.family]) return tooWide(entry, value.family)
  return void collected.add(value)
}

function tooWide(entry: string, family: Family): WhatIsWrong {
  return {
    problem: `"${entry}" is wider than /${WIDEST_IN_FILE[family]}: a list that a program fetches must not spare everybody`,
    advice: 'take the line out; if you mean it, write the prefix into never, in the settings themselves',
  }
}

const TOO_MANY: WhatIsWrong = {
  problem: `there are more than ${NEVER_MAX} prefixes in never_files, all told`,
  advice: 'leave out what is not needed, or take wider prefixes in the place of many narrow ones',
}

/** What the next two have read: the first address. */
const words = new Uint32Array(4)
const groups = new Uint16Array(8)

const [ZERO, NINE, DOT, SLASH, COLON] = [48, 57, 46, 47, 58]

/** The length; undefined for whatever is not plainly right, which is then read with care. */
function quickIPv4(text: string): number | undefined {
  let [value, octet, dots, at] = [0, -1, 0, 0]
  for (; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character >= ZERO && character <= NINE) {
      if (octet === 0) return undefined
      octet = Math.max(octet, 0) * 10 + character - ZERO
      if (octet > 255) return undefined
    } else if (character === DOT) {
      if (octet < 0 || ++dots > 3) return undefined
      value = value * 256 + octet
      octet = -1
    } else if (character === SLASH) break
    else return undefined
  }
  if (dots !== 3 || octet < 0) return undefined
  words[0] = value * 256 + octet
  return quickLength(text, at, 32)
}

function quickIPv6(text: string): number | undefined {
  let [count, gap, at] = [0, -1, 0]
  if (text.startsWith('::')) [gap, at] = [0, 2]
  while (at < text.length && text.charCodeAt(at) !== SLASH) {
    let [group, digits] = [0, 0]
    for (; at < text.length; at++, digits++) {
      const digit = hexDigit(text.charCodeAt(at))
      if (digit < 0) break
      group = group * 16 + digit
    }
    if (digits < 1 || digits > 4 || count > 7) return undefined
    groups[count++] = group
    if (text.charCodeAt(at) !== COLON) break
    at++
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined
      gap = count
      at++
    } else if (hexDigit(text.charCodeAt(at)) < 0) return undefined
  }
  if (at < text.length && text.charCodeAt(at) !== SLASH) return undefined
  if (gap < 0 ? count !== 8 : count > 7) return undefined
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count)
    groups.fill(0, gap, 8 - (count - gap))
  }
  for (let word = 0; word < 4; word++) words[word] = groups[2 * word]! * 65_536 + groups[2 * word + 1]!
  // ::ffff:192.0.2.1 is the IPv4 address.
  if (words[0] === 0 && words[1] === 0) return undefined
  return quickLength(text, at, 128)
}

/** Of what stands behind the address, whose host bits are zero. */
function quickLength(text: string, at: number, most: number): number | undefined {
  if (at === text.length) return most
  let length = 0
  for (let i = at + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9 || i > at + 3) return undefined
    length = length * 10 + digit
  }
  if (at + 1 === text.length || length > most) return undefined
  for (let word = 0; word < most / 32; word++) {
    const bits = length - 32 * word
    if (bits < 32 && (words[word]! & (bits <= 0 ? 0xffff_ffff : 0xffff_ffff >>> bits)) !== 0) return undefined
  }
  return length
}

function hexDigit(character: number): number {
  if (character >= ZERO && character <= NINE) return character - ZERO
  const letter = (character | 0x20) - 0x61
  return letter >= 0 && letter < 6 ? letter + 10 : -1
}

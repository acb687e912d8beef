/** Names whose hosts are known: what a name is, and how much of it counts. */
import type { Kind } from './kinds.ts'

/** Hosts of one name at most; a larger answer is refused whole. */
export const NAME_HOSTS_MAX = 16
/** A host is known for so long at most after it was told last: a day, in seconds. */
export const NAME_SECONDS_MAX = 86_400

/** A name that DNS can have an address for: labels of RFC 1123, and no address. In lower case, without a dot at its end. */
export const hostName: Kind<string> = {
  takes: 'a host name',
  read(value) {
    const advice = 'write a whole host name, such as "home.example.net"'
    if (typeof value !== 'string') return { advice }
    const name = value.toLowerCase().replace(/\.$/, '')
    const labels = name.split('.')
    const isName = name.length <= NAME_CHARACTERS_MAX && labels.every(label => LABEL.test(label))
    if (isName && labels.length > 1 && /[a-z]/.test(labels.at(-1)!))
      return name === value ? { value } : { write: JSON.stringify(name) }
    if (/^[0-9.]+$|:|\//.test(value))
      return {
        problem: 'is no name',
        advice: 'write addresses and prefixes under `never`, and here host names',
      }
    return isName
      ? { problem: 'is not whole: what it means depends on where it is asked', advice }
      : { advice }
  },
}

/** RFC 1035, section 2.3.4. */
const NAME_CHARACTERS_MAX = 253
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/

/** Names whose hosts may be known: each of them is looked up all day. */
export const NAMES_MAX = 16

/** Each once. */
export const hostNames: Kind<string[]> = {
  takes: `at most ${NAMES_MAX} host names`,
  read(value) {
    const names = [...new Set(value as string[])]
    if (names.length <= NAMES_MAX) return { value: names }
    return {
      problem: `names ${names.length} of them`,
      advice: 'write those from which you administer this machine',
    }
  },
}

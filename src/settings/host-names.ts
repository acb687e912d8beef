/** Names whose hosts are known: what a name is, and how much of it counts. */
import { list } from './bridge.ts'
import * as kinds from './kinds.ts'

/** Hosts of one name at most; a larger answer is refused whole. */
export const NAME_HOSTS_MAX = 16
/** A host is known for so long at most after it was told last: a day, in seconds. */
export const NAME_SECONDS_MAX = 86_400

/** A name that DNS can have an address for: labels of RFC 1123, and no address. In lower case, without a dot at its end. */
const hostName: kinds.Kind<string> = {
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
const hostNames: kinds.Kind<string[]> = {
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

export const namesSetting = list(
  hostName,
  kinds.list('host names', 'home.example.net'),
  'Host names, at most 16, whose addresses are known, as clients are whom a service here has answered: one packet that is forged in their name locks nobody out, three different closed ports do. Write the name that follows your changing address at home, as in ["home.example.net"]. `flypaperd outside` looks them up, whose unit is to be enabled (systemctl enable --now flypaperd-outside), obeys the time that the records name, and tells the daemon through names.sock; the last good answer counts for a day. An address that comes under such a name is let go if it was locked out as a stranger. Names are no never-list: whoever takes one over gets two tries, and no more.',
  [],
  hostNames,
)

/** The kind of value that a never-list has: addresses and prefixes, and what people write in their place. */
import {
  type Address,
  familyOf,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixAround,
} from '../terms/address.ts'
import type { Kind, Wrong } from './kinds.ts'

/** One entry of a never-list. */
export const prefix: Kind<Prefix> = {
  takes: 'an address or a prefix',
  read(text) {
    if (typeof text !== 'string') return { advice: 'write it in double quotes, such as "192.0.2.7"' }
    const value = parsePrefix(text)
    return value === undefined ? whyNoPrefix(text) : { value }
  },
}

function whyNoPrefix(text: string): Wrong {
  const [start = '', length, ...more] = text.split('/')
  const address = parseAddress(start)
  if (address !== undefined && more.length === 0) return whyNoLength(address, length ?? '')
  if (parsePrefix(text.trim()) !== undefined) return { write: JSON.stringify(text.trim()) }
  if (text.includes('%')) return { advice: 'write the address without the % and what follows it' }
  if (!/^(?=.*[a-z])[\w-]+(\.[\w-]+)*\.?$/i.test(text))
    return { advice: 'write an address such as "192.0.2.7" or a prefix such as "2001:db8::/32"' }
  return {
    problem: 'is a name, and names are not looked up here',
    advice: `write its addresses, which "getent ahosts ${text}" shows`,
  }
}

function whyNoLength(address: Address, length: string): Wrong {
  const most = familyOf(address) === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(length) || Number(length) > most)
    return {
      problem: 'has no valid prefix length',
      advice: `write a length from 0 to ${most} behind the slash`,
    }
  return {
    problem: `has bits set behind the first ${Number(length)}`,
    advice: `write "${prefixAround(address, Number(length)).text}", or "${address}" for that one address`,
  }
}
